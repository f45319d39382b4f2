"""Adds to each response the process that sent it, the time spent in Django and the number of queries."""
import os
import time

from django.db import connection

INSTANCE = os.environ.get("BENCH_INSTANCE", "app")

# Deliberate slowdowns, for trying out a gate: CPU time, database queries, or a wait before every
# twentieth response; all for the paths that start with SHOP_SLOW_PATH.
BURN = float(os.environ.get("SHOP_BURN_US", "0")) / 1e6
EXTRA_QUERIES = int(os.environ.get("SHOP_EXTRA_QUERIES", "0"))
TAIL = float(os.environ.get("SHOP_TAIL_MS", "0")) / 1e3
TAIL_EVERY = int(os.environ.get("SHOP_TAIL_EVERY", "20"))
SLOW_PATH = os.environ.get("SHOP_SLOW_PATH", "/")


class Count:
    """Counts the database queries that it wraps."""

    seen = 0

    def __call__(self, execute, sql, params, many, context):
        self.seen += 1
        return execute(sql, params, many, context)


class BenchHeaders:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start = time.perf_counter()
        queries = Count()
        with connection.execute_wrapper(queries):
            if request.path.startswith(SLOW_PATH):
                self.slow_down()
            response = self.get_response(request)
        spent_ms = (time.perf_counter() - start) * 1000
        response["X-Bench-Queries"] = str(queries.seen)
        response["X-Bench-Worker"] = f"{INSTANCE}/{os.getpid()}"
        response["Server-Timing"] = f"app;dur={spent_ms:.3f}"
        return response

    answered = 0

    def slow_down(self):
        if BURN:
            end = time.thread_time() + BURN
            while time.thread_time() < end:
                pass
        for _ in range(EXTRA_QUERIES):
            with connection.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM shop_product")
                cursor.fetchone()
        if TAIL:
            self.answered += 1
            if self.answered % TAIL_EVERY == 0:
                time.sleep(TAIL)
