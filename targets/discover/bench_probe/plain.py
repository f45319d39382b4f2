"""An app without Django: an application object or a factory, of any framework or of none."""
import importlib
import inspect
import os
import re

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
    for listing in (of_rules, of_registry, of_resources, of_routes):
        try:
            found = listing(application)
        except Exception:  # another version's
            continue
        if found is not None:
            return split(found)
    return [], 0


def of_rules(application):
    """Flask and its kin."""
    if hasattr(application, "url_map"):
        return [(rule.rule, rule.endpoint, bool(rule.arguments), rule.methods) for rule in application.url_map.iter_rules()]


def of_registry(application):
    """Pyramid."""
    if framework(application) == "pyramid":
        from pyramid.interfaces import IRoutesMapper

        known = application.registry.queryUtility(IRoutesMapper)
        return [(r.pattern, r.name, False, ()) for r in known.get_routes()] if known else []


def of_resources(application):
    """Falcon."""
    if framework(application) == "falcon":
        from falcon.inspect import inspect_routes

        return [(r.path, r.class_name, False, [m.method for m in r.methods]) for r in inspect_routes(application)]


def of_routes(application):
    """Starlette and its kin, Litestar, and Bottle."""
    if isinstance(getattr(application, "routes", None), (list, tuple)):
        return list(flatten(application.routes, ""))


def flatten(entries, prefix):
    for entry in entries:
        path = prefix + str(getattr(entry, "path", "") or getattr(entry, "rule", ""))
        methods = getattr(entry, "methods", None) or getattr(entry, "method", None)
        if getattr(entry, "endpoint", None) is not None or methods:
            yield path, getattr(entry, "name", ""), False, [methods] if isinstance(methods, str) else methods
        elif isinstance(getattr(entry, "routes", None), (list, tuple)):
            for inner in flatten(entry.routes, path.rstrip("/")):
                yield inner


def split(rules):
    found, skipped = [], 0
    for path, name, arguments, methods in rules:
        path = path if path.startswith("/") else "/" + path
        if arguments or re.search("[{<*]|/:", path):
            skipped += 1
        elif not methods or "GET" in methods:
            found.append((path, name or ""))
    return found, skipped
