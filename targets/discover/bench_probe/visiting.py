"""Asks an app for its routes, and for what their pages link to."""
import re
import time
from urllib.parse import quote

from . import failures
from .asking import same_site

MOST_ROUTES = 80  # that are asked
MOST_LINKS = 24  # that are followed beside them
SECONDS = 60  # for all of it
# A visitor's GET should change nothing, but some do.
AVOIDED = re.compile(r"log-?_?out|sign-?_?out|delete|remove|unsubscribe|deactivate|destroy|revoke|shutdown|jsi18n", re.I)
# What few visitors see is asked last, since there may be too much to ask.
BACKSTAGE = re.compile(r"(^|/)[\w-]*admin(/|$)|__debug__|swagger|redoc", re.I)
LOGIN = re.compile(r"log-?_?in|sign-?_?in|[?&]next=", re.I)
LINK = re.compile(rb"<a\s[^>]*?href\s*=\s*[\"']([^\"'#]+)", re.I)


class Visit:
    """Responses by path, in the order in which they were asked for."""

    def __init__(self, client, answer, root, name_of=lambda path: ""):
        self.client, self.answer, self.root, self.name_of = client, answer, root, name_of
        self.missing = answer["missing"]
        self.until = time.monotonic() + SECONDS
        self.routes = answer["routes"] = []
        self.asked = set()
        self.links = []
        self.why = []  # exceptions behind responses with status 500, the last one last

    def over(self):
        return time.monotonic() > self.until

    def wants_login(self):
        """Whether more routes ask for a login than answer: of those that visitors see, if there are any."""

        def count(routes):
            asks = [r for r in routes if 300 <= r.get("status", 0) < 400 and LOGIN.search(r["location"])]
            return len(asks), len([r for r in routes if r.get("status") == 200 and not LOGIN.search(r["path"])])

        asks, answers = count([r for r in self.routes if not BACKSTAGE.search(r["path"])])
        if not asks and not answers:
            asks, answers = count(self.routes)
        return asks > answers

    def all(self, paths):
        """Ask for each path once, and for the pages that their responses lead to."""
        paths = sorted(paths, key=lambda route: bool(BACKSTAGE.search(route[0])))
        for path, name in [("/", "")] + paths[:MOST_ROUTES]:
            self.ask(path, name, "route" if name or path != "/" else "root")
        followed = {self.name_of(r["path"]) for r in self.routes if self.name_of(r["path"])}
        for path, kind in self.links:
            name = self.name_of(path)
            if len(self.asked) > MOST_ROUTES + MOST_LINKS or name and name in followed:
                continue
            followed.add(name)
            self.ask(path, name, kind)
        self.answer["left"] = len([p for p, _ in paths if p not in self.asked])

    def ask(self, path, name, kind):
        path = quote(path, safe="/?&=%:@!$'()*+,;~-._[]")
        if path in self.asked or self.over() or AVOIDED.search(path):
            return
        self.asked.add(path)
        record = {"path": path, "name": name or self.name_of(path), "kind": kind}
        self.routes.append(record)
        self.answer.at("asking for " + path)
        try:
            response = self.client.get(path)
            record.update(response.record())
            if response.status >= 500 and self.why:
                record["error"] = failures.describe(self.why[-1], self.missing, self.root)
            if response.status == 200:
                self.again(path, record, response)
            self.note_links(path, response)
        except BaseException as error:
            record["error"] = failures.describe(error, self.missing, self.root)
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise

    def again(self, path, record, first):
        """The first response includes imports and empty caches: the second says what the route costs."""
        second = self.client.get(path)
        record["ms"] = min(record["ms"], round(second.seconds * 1000, 2))
        record["varies"] = second.digest() != first.digest() or second.status != first.status

    def note_links(self, path, response):
        found = [(response.location, "redirect")] if response.location else []
        if response.is_html and response.status == 200:
            found += [(link.decode("utf-8", "replace").replace("&amp;", "&"), "link")
                      for link in LINK.findall(response.body)]
        for link, kind in found:
            target = same_site(path, link, self.client.host)
            if target and (target, kind) not in self.links and len(self.links) < 500:
                self.links.append((target, kind))
