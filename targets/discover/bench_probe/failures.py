"""Why a project does not load: the exception, its place in the project, the variable it misses."""
import linecache
import os
import re
import traceback


def watch_environment():
    """Record the names of environment variables that were asked for and are not set."""
    missing = []
    kind = type(os.environ)
    original = kind.__getitem__

    def recording(self, name):
        try:
            return original(self, name)
        except KeyError:
            if name not in missing:
                missing.append(name)
            raise

    kind.__getitem__ = recording
    return missing


def chain(error):
    """The exception and those that led to it."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def places(error, root):
    """(file, line) of the frames in the project's own code, the innermost last."""
    found = []
    for each in reversed(chain(error)):
        for frame in traceback.extract_tb(each.__traceback__):
            name = os.path.realpath(frame[0])
            own = name.startswith(os.path.realpath(root) + os.sep) and "site-packages" not in name
            if own and os.sep + "bench_probe" + os.sep not in name:
                found.append((name, frame[1]))
    if isinstance(error, SyntaxError) and error.filename:
        found.append((error.filename, error.lineno or 1))
    return found


def wanted(error, missing, root):
    """The variables among the missing ones that the exception is about."""
    text = " ".join(str(each) for each in chain(error))
    names = [n for n in missing if re.search(r"(?<!\w)%s(?!\w)" % re.escape(n), text)]
    if names:
        return names
    for name, line in reversed(places(error, root)):
        source = linecache.getline(name, line)
        names = [n for n in missing if re.search(r"[\"']%s[\"']" % re.escape(n), source)]
        if names:
            return names
    # Some readers of settings name the variable they want and never ask the environment for it.
    found = re.search(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+|SECRET|DEBUG)\b.*(not found|not set|missing|required|undefined)", text)
    found = found or re.search(r"[Ss]et the ([A-Z][A-Z0-9_]+) ", text)
    return [found.group(1)] if found else []


def describe(error, missing, root):
    found = places(error, root)
    where = "%s:%d" % (os.path.relpath(found[-1][0], root), found[-1][1]) if found else ""
    module = ""
    for each in chain(error):
        module = module or getattr(each, "name", None) or "" if isinstance(each, ImportError) else module
    message = str(error).strip()
    return {
        "type": type(error).__name__,
        "message": message[:600],
        "where": where,
        "wants": wanted(error, missing, root),
        "module": module,
    }
