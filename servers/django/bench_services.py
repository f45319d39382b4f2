"""Points the settings of a project at servers that bench runs for it: only the address changes, so
that the engine, the time for which connections are kept and all else stay the project's own."""
from urllib.parse import urlsplit

# What says in OPTIONS where a database is, and how to get in.
WHERE = (
    "host hostaddr port user password dbname service passfile sslmode sslrootcert sslcert sslkey sslcrl"
    " channel_binding gssencmode krbsrvname target_session_attrs require_auth"
).split()


def kind_of(engine):
    """The kind of server that a database engine is for: postgres, sqlite, or another's name."""
    engine = str(engine).lower()
    for mark, kind in (("postg", "postgres"), ("psql", "postgres"), ("timescale", "postgres"),
                       ("sqlite", "sqlite"), ("spatialite", "sqlite"), ("dummy", "")):
        if mark in engine:
            return kind
    return engine.rpartition(".")[2]


def at_redis(value):
    """Whether a setting is the address of a Redis server."""
    return isinstance(value, str) and value.startswith(("redis://", "rediss://", "unix://"))


def number_of(address):
    """The number of the database in the address of a Redis server."""
    last = urlsplit(address).path.rpartition("/")[2]
    return int(last) if last.isdigit() else 0


def caches_at_redis(settings):
    caches = settings.get("CACHES") or {}
    return [c for c in caches.values() if "redis" in str(c.get("BACKEND", "")).lower()]


def services_of(settings):
    """The servers that the settings name, by kind, with the databases on each; and those of other kinds."""
    found, foreign = {}, []
    for database in (settings.get("DATABASES") or {}).values():
        kind = kind_of(database.get("ENGINE") or "dummy")
        if kind == "postgres":
            found.setdefault(kind, []).append(str(database.get("NAME") or ""))
        elif kind not in ("sqlite", ""):
            foreign.append("%s at %s" % (kind, database.get("HOST") or "localhost"))
    layers = settings.get("CHANNEL_LAYERS") or {}
    if (
        caches_at_redis(settings)
        or any("redis" in str(layer.get("BACKEND", "")).lower() for layer in layers.values())
        or any(at_redis(value) for value in settings.values())
    ):
        found["redis"] = []
    return found, foreign


def use(settings, services):
    """Replace the addresses in the settings by those of bench's own servers."""
    if "postgres" in services:
        use_postgres(settings, services["postgres"])
    if "redis" in services:
        use_redis(settings, services["redis"])


def use_postgres(settings, server):
    databases = {alias: dict(db) for alias, db in (settings.get("DATABASES") or {}).items()}
    own = [alias for alias, db in databases.items() if kind_of(db.get("ENGINE") or "dummy") == "postgres"]
    if not own:  # a project on SQLite that is asked to run on this server
        kept = {key: databases.get("default", {}).get(key) for key in ("CONN_MAX_AGE", "ATOMIC_REQUESTS")}
        databases["default"] = {key: value for key, value in kept.items() if value is not None}
        databases["default"]["ENGINE"] = "django.db.backends.postgresql"
        own = ["default"]
    for alias in own:
        database = databases[alias]
        options = {k: v for k, v in (database.get("OPTIONS") or {}).items() if k not in WHERE}
        name = str(database.get("NAME") or server["NAME"])
        database.update(server, PASSWORD="", OPTIONS=options, NAME=name)
    settings["DATABASES"] = databases


def use_redis(settings, server):
    def inside(address):
        return "%s?db=%d" % (server["URL"], number_of(address))

    for cache in caches_at_redis(settings):
        location = cache.get("LOCATION") or ""
        first = location if isinstance(location, str) else next(iter(location), "")
        cache["LOCATION"] = inside(first.split(",")[0])
        options = cache.get("OPTIONS") or {}
        cache["OPTIONS"] = {k: v for k, v in options.items() if k.lower() not in ("password", "username")}
    for layer in (settings.get("CHANNEL_LAYERS") or {}).values():
        if "redis" in str(layer.get("BACKEND", "")).lower():
            layer["CONFIG"] = dict(layer.get("CONFIG") or {}, hosts=[inside("")])
    for name, value in list(settings.items()):
        if at_redis(value):
            settings[name] = "%s/%d" % (server["TCP"], number_of(value))
