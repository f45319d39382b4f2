"""Asks an application for a path, through WSGI or ASGI, without a server."""
import asyncio
import hashlib
import io
import re
import signal
import sys
import time
from urllib.parse import unquote, urljoin, urlsplit

LIMIT = 5.0  # seconds for one response
MOST = 4 << 20  # bytes that are read of one
TOKEN = re.compile(rb"(csrfmiddlewaretoken\"? value=|csrfToken[\"']?\s*[:=]\s*|nonce=)[\"'][\w-]+[\"']")


class TookTooLong(Exception):
    pass


def limited(seconds, call):
    """The result of a call; TookTooLong if it takes longer."""

    def ring(*_):
        raise TookTooLong("no complete response within %g s" % seconds)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Response:
    def __init__(self, status, headers, body, seconds):
        self.status, self.body, self.seconds = status, body, seconds
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def location(self):
        return self.headers.get("location", "")

    @property
    def is_html(self):
        return self.headers.get("content-type", "").startswith("text/html")

    def digest(self):
        return hashlib.sha256(TOKEN.sub(b"", self.body)).hexdigest()[:16]

    def record(self):
        return {
            "status": self.status,
            "ms": round(self.seconds * 1000, 2),
            "bytes": len(self.body),
            "type": self.headers.get("content-type", ""),
            "location": self.location,
        }


class WSGI:
    """Requests to a WSGI callable."""

    def __init__(self, application, host):
        self.application, self.host, self.cookies = application, host, ""

    def get(self, path, headers=()):
        return self.request("GET", path, headers)

    def request(self, method, path, headers=(), body=b""):
        return limited(LIMIT, lambda: self._request(method, path, headers, body))

    def _request(self, method, path, headers, body):
        path, _, query = path.partition("?")
        name, _, port = self.host.partition(":")
        environ = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query,
            "SERVER_NAME": name, "SERVER_PORT": port or "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": self.host,
            "REMOTE_ADDR": "127.0.0.1", "HTTP_ACCEPT": "*/*", "HTTP_USER_AGENT": "bench-init",
            "CONTENT_LENGTH": str(len(body)), "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.multithread": False,
            "wsgi.multiprocess": True, "wsgi.run_once": False,
        }
        if self.cookies:
            environ["HTTP_COOKIE"] = self.cookies
        for key, value in headers:
            key = key.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
        said, pieces, length = [], [], 0

        def start_response(status, headers, exc_info=None):
            said[:] = [int(status.split()[0]), headers]
            return pieces.append

        began = time.perf_counter()
        result = self.application(environ, start_response)
        try:
            for piece in result:
                pieces.append(piece)
                length += len(piece)
                if length > MOST:
                    break
        finally:
            getattr(result, "close", lambda: None)()
        return Response(said[0], said[1], b"".join(pieces), time.perf_counter() - began)

    def close(self):
        pass


class ASGI:
    """Requests to an ASGI callable, in an event loop of its own, after its start-up."""

    def __init__(self, application, host):
        self.application, self.host = application, host
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.lifespan = None
        self.state = {}
        limited(30, lambda: self.loop.run_until_complete(self._start()))

    async def _start(self):
        started = self.loop.create_future()
        self.stop = asyncio.Event()
        begun = []

        async def receive():
            if not begun:
                begun.append(True)
                return {"type": "lifespan.startup"}
            await self.stop.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message):
            if started.done():
                return
            if message["type"] == "lifespan.startup.failed":
                started.set_exception(RuntimeError("the app's start-up failed: " + message.get("message", "")))
            elif message["type"] == "lifespan.startup.complete":
                started.set_result(None)

        async def run():
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
            try:
                await self.application(scope, receive, send)
            except Exception:  # an app without a start-up refuses the scope
                pass
            if not started.done():
                started.set_result(None)

        self.lifespan = self.loop.create_task(run())
        await started

    def get(self, path, headers=()):
        return self.request("GET", path, headers)

    def request(self, method, path, headers=(), body=b""):
        call = asyncio.wait_for(self._request(method, path, headers, body), LIMIT)
        return limited(LIMIT + 1, lambda: self.loop.run_until_complete(call))

    async def _request(self, method, path, headers, body):
        path, _, query = path.partition("?")
        name, _, port = self.host.partition(":")
        given = [("host", self.host), ("accept", "*/*"), ("user-agent", "bench-init")] + list(headers)
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
            "root_path": "", "headers": [(k.lower().encode(), v.encode()) for k, v in given],
            "client": ("127.0.0.1", 40000), "server": (name, int(port or 80)), "state": dict(self.state),
        }
        said, pieces, asked, over = [], [], [], asyncio.Event()

        async def receive():
            if not asked:
                asked.append(True)
                return {"type": "http.request", "body": body, "more_body": False}
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message.get("headers", ())]
                said[:] = [message["status"], headers]
            elif message["type"] == "http.response.body":
                pieces.append(message.get("body", b""))
                if sum(map(len, pieces)) > MOST:
                    raise TookTooLong("the response has no end")
                if not message.get("more_body"):
                    over.set()

        began = time.perf_counter()
        await self.application(scope, receive, send)
        return Response(said[0], said[1], b"".join(pieces), time.perf_counter() - began)

    def close(self):
        self.stop.set()
        try:
            self.loop.run_until_complete(asyncio.wait_for(self.lifespan, 5))
        except Exception:
            pass


def is_asgi(application):
    """Whether a callable takes ASGI's three arguments, and not WSGI's two."""
    import inspect

    if inspect.iscoroutinefunction(application):
        return True
    call = getattr(type(application), "__call__", None)
    return not inspect.isfunction(application) and inspect.iscoroutinefunction(call)


def same_site(base, location, host):
    """The path that a link or redirect leads to on the same site; empty if it leaves it."""
    try:
        parts = urlsplit(urljoin("http://%s%s" % (host, base), location.strip()))
    except ValueError:
        return ""
    if parts.scheme != "http" or parts.netloc != host:
        return ""
    return (parts.path or "/") + ("?" + parts.query if parts.query else "")
