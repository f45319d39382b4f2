"""A bare WSGI callable: the cost of a server without Django."""
import os


def application(environ, start_response):
    body = b"Hello, World!"
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(body))),
            ("X-Bench-Worker", str(os.getpid())),
        ],
    )
    return [body]
