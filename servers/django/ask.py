"""Says what bench has to know of a project's settings, as a line of JSON."""
import hashlib
import json
import os
import sys

sys.path.insert(0, os.getcwd())
from django.conf import settings  # noqa: E402


def key():
    """Identifies the secret key, without showing it."""
    try:
        text = settings.SECRET_KEY
    except Exception:  # none is set
        return ""
    return hashlib.sha256(repr(text).encode()).hexdigest()


databases = [d for d in settings.DATABASES.values() if d.get("ENGINE")]
services, foreign = services_of({name: getattr(settings, name, None) for name in dir(settings) if name.isupper()})
print(
    "\nbench:"
    + json.dumps(
        {
            "debug": bool(settings.DEBUG),
            "key": key(),
            "databases": len(databases),
            "services": services,
            "foreign": foreign,
            "files": [
                os.path.abspath(str(d.get("NAME")))
                for d in databases
                if "sqlite" in d["ENGINE"] or "spatialite" in d["ENGINE"]
                if not str(d.get("NAME", "")).startswith((":memory:", "file:"))
            ],
        }
    )
)
