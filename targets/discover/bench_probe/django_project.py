"""A Django project: its settings, its database, its URLconf, and the responses of its routes."""
import importlib
import os
import pkgutil
import shutil
import sys
import types

import bench_services

from . import failures
from .answer import Answer
from .asking import WSGI, limited
from .visiting import Visit

SETTINGS = "bench_probe_settings"


def explore(question, answer):
    answer["lent"] = "postgres" in (question.get("services") or {})
    answer.at("importing Django")
    import django

    answer["django"] = django.get_version()
    answer.at("reading the settings " + question["settings"])
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    answer["own_settings"], answer["services"] = install_settings(question)
    from django.conf import settings

    settings.INSTALLED_APPS
    settings.SECRET_KEY  # missing in settings that are only for production, and not looked at before
    answer["settings"] = describe_settings(settings)
    application = load(question, answer)
    answer["settings"] = describe_settings(settings)
    answer["database"] = examine_database(answer, migrate=question["ask"])
    examine_caches(answer)
    if question["ask"]:
        collect_static(question, answer)
    answer.at("reading the URLconf")
    paths, skipped = routes()
    answer["with_arguments"] = skipped
    answer["paths"] = [path for path, _ in paths]
    if question["ask"]:
        client = WSGI(application, question["host"])
        visit = Visit(client, answer, os.getcwd(), view_name)
        visit.why = last_exceptions()
        visit.all(paths)
        if visit.wants_login():
            visit_logged_in(answer, client, paths)
    answer["stage"] = "done"


KEY = "benchinitbenchinitbenchinitbench"  # of the session that login_script makes


def visit_logged_in(answer, client, paths):
    """Ask the routes again as a user who is logged in, if sessions are kept in the database."""
    from django.conf import settings

    if settings.SESSION_ENGINE.rpartition(".")[2] not in ("db", "cached_db"):
        return
    answer.at("logging a user in")
    seen = Answer(answer.path + ".login")
    seen["missing"] = answer["missing"]
    try:
        exec(pkgutil.get_data(__package__, "login_script.py").decode(), {})
        client.cookies = "%s=%s" % (settings.SESSION_COOKIE_NAME, KEY)
        Visit(client, seen, os.getcwd(), view_name).all(paths)
        answer["cookie"], answer["login_routes"] = client.cookies, seen["routes"]
    except BaseException as error:
        answer["login_error"] = failures.describe(error, [], os.getcwd())


def last_exceptions():
    """A list that gets the exceptions behind responses with status 500, which Django only logs."""
    from django.core.signals import got_request_exception

    raised = []

    def note(**_):
        raised.append(sys.exc_info()[1])

    got_request_exception.connect(note, weak=False)
    return raised


def install_settings(question):
    """Put a module in front of the project's settings: with the overrides that bench will use, and with
    databases and mail that nothing here can harm."""
    module = sys.modules[SETTINGS] = types.ModuleType(SETTINGS)  # some settings import what the environment names
    own = importlib.import_module(question["settings"])
    for name, value in question.get("override", {}).items():
        setattr(own, name, value)
    values = {name: getattr(own, name) for name in dir(own) if name.isupper()}
    named, _ = bench_services.services_of(values)
    bench_services.use(values, question.get("services") or {})
    module.__dict__.update(values)
    module.__file__ = getattr(own, "__file__", "")
    own_databases = dict(getattr(own, "DATABASES", None) or {})
    lent = "postgres" in (question.get("services") or {})
    module.DATABASES = {alias: harmless(alias, dict(db), question["scratch"], lent)
                        for alias, db in (values.get("DATABASES") or {}).items()}
    module.STATIC_ROOT = os.path.join(question["scratch"], "static")
    mail = "django.core.mail.backends.locmem.EmailBackend"
    if "MAILERS" in values:  # since Django 6.1, which refuses both
        module.MAILERS = {alias: {"BACKEND": mail} for alias in values["MAILERS"]}
    else:
        module.EMAIL_BACKEND = mail
    impose(module)
    return {alias: describe_database(dict(db)) for alias, db in own_databases.items()}, named


def impose(module):
    """Settings may have set Django's object up by themselves, or put one of their own in its place: neither reads
    the module any more."""
    import django.conf

    for settings in (django.conf.settings, sys.modules["django.conf"].settings):
        if settings.configured:
            for name in dir(module):
                if name.isupper():
                    setattr(settings, name, getattr(module, name))


def describe_database(db):
    return {key.lower(): str(db.get(key) or "") for key in ("ENGINE", "NAME", "HOST", "PORT")}


def harmless(alias, db, scratch, lent):
    """A copy of an SQLite database, a server that is lent for this, or a read-only connection."""
    engine = db.get("ENGINE", "")
    options = dict(db.get("OPTIONS") or {})
    if "sqlite" in engine or "spatialite" in engine:
        name = str(db.get("NAME") or "")
        if ":memory:" in name or "mode=memory" in name:
            return db
        copy = os.path.join(scratch, "%s.sqlite3" % alias)
        for suffix in ("", "-wal", "-shm"):
            if os.path.isfile(name + suffix) and not os.path.exists(copy + suffix):
                shutil.copyfile(name + suffix, copy + suffix)
        db["NAME"] = copy
    elif bench_services.kind_of(engine) == "postgres":
        if lent:
            return db
        options["options"] = (options.get("options") or "") + " -c default_transaction_read_only=on"
        options.setdefault("connect_timeout", 3)
    elif "mysql" in engine:
        options["init_command"] = "SET SESSION TRANSACTION READ ONLY"
        options.setdefault("connect_timeout", 3)
    if options:
        db["OPTIONS"] = options
    return db


def describe_settings(settings):
    def value(name, default=None):
        return getattr(settings, name, default)

    apps = list(value("INSTALLED_APPS") or [])
    caches = value("CACHES") or {}
    return {
        "debug": bool(value("DEBUG")),
        "allowed_hosts": [str(host) for host in value("ALLOWED_HOSTS") or []],
        "wsgi": str(value("WSGI_APPLICATION") or ""),
        "asgi": str(value("ASGI_APPLICATION") or ""),
        "urlconf": str(value("ROOT_URLCONF") or ""),
        "static_url": str(value("STATIC_URL") or ""),
        "static_root": str(value("STATIC_ROOT") or ""),
        "staticfiles": "django.contrib.staticfiles" in apps,
        "media_root": str(value("MEDIA_ROOT") or ""),
        "ssl_redirect": bool(value("SECURE_SSL_REDIRECT")),
        "sessions": str(value("SESSION_ENGINE") or "").rpartition(".")[2],
        "login_url": str(value("LOGIN_URL") or ""),
        "whitenoise": any("whitenoise" in str(m).lower() for m in value("MIDDLEWARE") or []),
        "caches": {alias: {"backend": str(c.get("BACKEND", "")), "location": str(c.get("LOCATION", ""))}
                   for alias, c in caches.items()},
    }


def load(question, answer):
    """The WSGI handler that answers; and which of the named applications can be imported."""
    import django

    answer.at("setting Django up")
    loaded, answer["applications"], first = {}, [], None
    for kind in ("wsgi", "asgi"):
        for name in question.get(kind) or []:
            try:
                module, _, attribute = name.partition(":")
                loaded[kind] = getattr(importlib.import_module(module), attribute)
                answer["applications"].append({"kind": kind, "name": name})
                break
            except BaseException as error:
                first = first or error
                failure = failures.describe(error, answer["missing"], os.getcwd())
                answer["applications"].append({"kind": kind, "name": name, "error": failure})
    try:
        django.setup()
    except RuntimeError:  # a set-up that failed half-way cannot be repeated
        raise first or sys.exc_info()[1]
    if "wsgi" in loaded:
        return loaded["wsgi"]
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def examine_database(answer, migrate):
    """How many migrations are missing; in a copy they are then applied, since the routes need them."""
    from django.conf import settings

    found = {"pending": 0, "error": None}
    if not (getattr(settings, "DATABASES", None) or {}).get("default", {}).get("ENGINE"):
        return found
    answer.at("reading the database")
    try:
        from django.core.management import call_command
        from django.db import connections
        from django.db.migrations.executor import MigrationExecutor

        for alias in connections:
            executor = MigrationExecutor(connections[alias])
            pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
            found["pending"] += pending
            kind = bench_services.kind_of(connections[alias].settings_dict["ENGINE"])
            if pending and migrate and (kind == "sqlite" or kind == "postgres" and answer["lent"]):
                answer.at("applying %d migrations to a copy of the database" % pending)
                call_command("migrate", database=alias, interactive=False, verbosity=0)
    except BaseException as error:
        found["error"] = failures.describe(error, [], os.getcwd())
    return found


def examine_caches(answer):
    """Note the caches that cannot be reached: pages that use one would wait for it, or fail."""
    from django.core.cache import caches

    for alias, record in answer["settings"]["caches"].items():
        answer.at("reading the cache " + alias)
        try:
            limited(5, lambda: caches[alias].get("bench-init"))
        except BaseException as error:
            record["error"] = failures.describe(error, [], os.getcwd())


def collect_static(question, answer):
    """Collect the static files as bench will: some pages need the list of them."""
    from django.conf import settings
    from django.core.management import call_command

    if "django.contrib.staticfiles" not in settings.INSTALLED_APPS:
        return
    answer.at("collecting the static files")
    try:
        limited(60, lambda: call_command("collectstatic", interactive=False, verbosity=0))
        answer["collected"] = sum(len(files) for _, _, files in os.walk(settings.STATIC_ROOT))
    except BaseException as error:
        answer["static"] = failures.describe(error, [], os.getcwd())


def routes():
    """The paths of the URLconf that take no argument, with the names of their views, and how many others
    there are."""
    from django.urls import get_resolver

    found, skipped = [], []
    walk(get_resolver(), [""], [], found, skipped, 0)
    return found, len(skipped)


def walk(resolver, prefixes, spaces, found, skipped, depth):
    try:
        patterns = resolver.url_patterns
    except Exception as error:
        if depth == 0:
            raise
        skipped.append(str(error))
        return
    for entry in patterns:
        ends = literal(entry)
        if not ends:
            skipped.append(str(entry))
            continue
        joined = [(a + b)[:300] for a in prefixes for b in ends]
        if hasattr(entry, "url_patterns"):
            space = [entry.namespace] if getattr(entry, "namespace", None) else []
            if depth < 12:
                walk(entry, joined, spaces + space, found, skipped, depth + 1)
            continue
        name = ":".join(spaces + [entry.name or view_label(entry)])
        found.extend(("/" + path, name) for path in joined[:1] if "/" + path not in dict(found))


def literal(entry):
    """The texts that a pattern without arguments matches; none if it takes arguments."""
    pattern = getattr(entry, "pattern", None)
    route = getattr(pattern, "_route", None)
    if route is not None:
        return [] if "<" in str(route) else [str(route)]
    if type(pattern).__name__ == "LocalePrefixPattern":
        return [pattern.language_prefix]
    regex = getattr(pattern, "_regex", None) or getattr(entry, "_regex", None)
    if regex is None:
        return []
    from django.utils.regex_helper import normalize

    try:
        return [text for text, arguments in normalize(str(regex)) if not arguments and "%(" not in text][:1]
    except Exception:
        return []


def view_label(entry):
    view = getattr(entry, "callback", None)
    view = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    return getattr(view, "__name__", "") or type(view).__name__


def view_name(path):
    """The view that a path leads to: of the pages of one view, one is enough."""
    from django.urls import Resolver404, resolve

    try:
        match = resolve(path.partition("?")[0])
    except (Resolver404, Exception):
        return ""
    return match.view_name or match._func_path
