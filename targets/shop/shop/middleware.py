"""Marks each answer with the process that gave it and the time spent inside Django."""
import os
import time

INSTANCE = os.environ.get("BENCH_INSTANCE", "app")


class BenchHeaders:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        start = time.perf_counter()
        response = self.get_response(request)
        spent_ms = (time.perf_counter() - start) * 1000
        response["X-Bench-Worker"] = f"{INSTANCE}/{os.getpid()}"
        response["Server-Timing"] = f"app;dur={spent_ms:.3f}"
        return response
