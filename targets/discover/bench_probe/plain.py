"""An app without Django: an application object or a factory, of any framework or of none."""
import importlib
import inspect
import os

from .asking import ASGI, WSGI, is_asgi
from .visiting import Visit


def explore(question, answer):
    name = question["application"]
    answer.at("importing " + name)
    application = load(name)
    answer["framework"] = framework(application)
    if isinstance(getattr(application, "config", None), dict):
        application.config["PROPAGATE_EXCEPTIONS"] = True  # so that Flask says why it answers 500
    asynchronous = is_asgi(application)
    answer["applications"] = [{"kind": "asgi" if asynchronous else "wsgi", "name": name}]
    paths, answer["with_arguments"] = routes(application)
    answer["paths"] = [path for path, _ in paths]
    if question["ask"]:
        answer.at("starting the app")
        client = (ASGI if asynchronous else WSGI)(application, question["host"])
        Visit(client, answer, os.getcwd()).all(paths)
        client.close()
    answer["stage"] = "done"


def load(name):
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for part in path.replace("()", "").split("."):
        found = getattr(found, part)
    if path.endswith("()"):
        found = found()
    if not callable(found):
        raise TypeError("%s is not callable: want a WSGI or ASGI application" % name)
    if inspect.isclass(found):
        raise TypeError("%s is a class: want an application object" % name)
    return found


def framework(application):
    module = type(application).__module__ if not inspect.isfunction(application) else ""
    return "" if module == "builtins" else module.partition(".")[0]


def routes(application):
    """Paths without arguments that answer GET, with their names, and how many others there are."""
    if hasattr(application, "url_map"):  # Flask and its kin
        return split((rule.rule, rule.endpoint, bool(rule.arguments), rule.methods or ())
                     for rule in application.url_map.iter_rules())
    if isinstance(getattr(application, "routes", None), (list, tuple)):  # Starlette and its kin
        return split(flatten(application.routes, ""))
    return [], 0


def flatten(entries, prefix):
    for entry in entries:
        path = prefix + str(getattr(entry, "path", ""))
        if getattr(entry, "endpoint", None) is not None:
            yield path, getattr(entry, "name", ""), "{" in path, getattr(entry, "methods", None) or ()
        elif isinstance(getattr(entry, "routes", None), (list, tuple)):
            for inner in flatten(entry.routes, path.rstrip("/")):
                yield inner


def split(rules):
    found, skipped = [], 0
    for path, name, arguments, methods in rules:
        if arguments or not path:
            skipped += 1
        elif not methods or "GET" in methods:
            found.append((path, name))
    return found, skipped
