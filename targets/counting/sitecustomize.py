"""Makes Django say how many database queries each response took, in the header X-Bench-Queries.

bench puts the folder of this file on PYTHONPATH where it counts queries, and nowhere else. Python imports
the file at its start; it waits until Django's request handler is imported, and wraps that.
"""
import importlib.machinery
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = "X-Bench-Queries"


class Count:
    """Counts the database queries that it wraps."""

    seen = 0

    def __call__(self, execute, sql, params, many, context):
        self.seen += 1
        return execute(sql, params, many, context)


def wrap(handler):
    """Makes a handler class count. An app that reports the number itself keeps its own."""
    from contextlib import ExitStack

    get_response = handler.get_response

    def counted(self, request):
        from django.db import connections

        queries = Count()
        with ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(queries))
            response = get_response(self, request)
        if HEADER not in response:
            response[HEADER] = str(queries.seen)
        return response

    handler.get_response = counted


class Finder:
    """Finds the module of Django's handler as Python would, and wraps its class once it is loaded."""

    name = "django.core.handlers.base"

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            wrap(module.BaseHandler)

        spec.loader.exec_module = loaded
        return spec


def others():
    """Runs the sitecustomize that this one hides, if there is one."""
    rest = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, Finder())
others()
