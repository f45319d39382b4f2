"""Makes Django say of each response what bench asks for: its database queries, or the time that it took.

bench puts the folder of this file on PYTHONPATH where it wants to know, and nowhere else; BENCH_OBSERVE says
what. Python imports the file at its start; it waits until Django's request handler is imported, and wraps that.
"""
import importlib.machinery
import importlib.util
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUERIES = "X-Bench-Queries"
TIMING = "Server-Timing"
OWN_TIME = re.compile(r"(^|,)\s*app\s*;", re.IGNORECASE)


class Count:
    """Counts the database queries that it wraps."""

    seen = 0

    def __call__(self, execute, sql, params, many, context):
        self.seen += 1
        return execute(sql, params, many, context)


def queries(handler):
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
        if QUERIES not in response:
            response[QUERIES] = str(queries.seen)
        return response

    handler.get_response = counted


def duration(handler):
    """Makes a handler class say how long it worked. An app that says so itself keeps its own."""
    get_response, get_response_async = handler.get_response, getattr(handler, "get_response_async", None)

    def say(response, start):
        spent = f"app;dur={(time.perf_counter() - start) * 1000:.3f}"
        others = response.get(TIMING, "")
        if not OWN_TIME.search(others):
            response[TIMING] = f"{others}, {spent}" if others else spent
        return response

    def timed(self, request):
        start = time.perf_counter()
        return say(get_response(self, request), start)

    async def timed_async(self, request):
        start = time.perf_counter()
        return say(await get_response_async(self, request), start)

    handler.get_response = timed
    if get_response_async:
        handler.get_response_async = timed_async


OBSERVERS = {"queries": queries, "duration": duration}


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
            OBSERVERS[os.environ["BENCH_OBSERVE"]](module.BaseHandler)

        spec.loader.exec_module = loaded
        return spec


def others():
    """Runs the sitecustomize that this one hides, if there is one."""
    rest = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get("BENCH_OBSERVE") in OBSERVERS:
    sys.meta_path.insert(0, Finder())
others()
