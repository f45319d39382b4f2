"""Settings of the bundled project. Every choice that a benchmark may vary comes from the environment.

The middleware is the set that `django-admin startproject` writes, because that is what
people deploy; SHOP_MIDDLEWARE=bare removes it, to show its cost, and none removes the
headers of bench as well: what is left can wait without a thread.
"""
import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# Random unless given, which suits a single process tree: servers side by side have to share
# one, or neither accepts the other's sessions.
SECRET_KEY = os.environ.get("SHOP_SECRET_KEY") or os.urandom(32).hex()
DEBUG = os.environ.get("SHOP_DEBUG", "0") == "1"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "shop",
]

STARTPROJECT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = {
    "default": ["shop.middleware.BenchHeaders"] + STARTPROJECT_MIDDLEWARE,
    "bare": ["shop.middleware.BenchHeaders"],
    "none": [],
}[os.environ.get("SHOP_MIDDLEWARE", "default")]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASE = os.environ.get("SHOP_DB", "sqlite")
CONN_MAX_AGE = int(os.environ.get("SHOP_CONN_MAX_AGE", "0"))
if DATABASE == "postgres":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ.get("SHOP_DB_NAME", "shop"),
            "USER": os.environ.get("SHOP_DB_USER", ""),
            "PASSWORD": os.environ.get("SHOP_DB_PASSWORD", ""),
            "HOST": os.environ.get("SHOP_DB_HOST", ""),
            "CONN_MAX_AGE": CONN_MAX_AGE,
        }
    }
elif DATABASE == "none":
    DATABASES = {}
else:
    # shop.apps sets WAL and NORMAL on each connection, which works on every Django
    # since 3.2; OPTIONS["init_command"] exists only since 5.1.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("SHOP_DB_PATH", str(BASE_DIR / "db.sqlite3")),
            "OPTIONS": {"timeout": 5},
            "CONN_MAX_AGE": CONN_MAX_AGE,
        }
    }

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("SHOP_STATIC_ROOT", str(BASE_DIR / "static-root"))
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024

# runserver logs every request under a lock; the controlled profile silences it, to compare
# the servers and not the terminals.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr}},
    "loggers": {
        "django.server": {
            "handlers": ["stderr"],
            "level": os.environ.get("SHOP_REQUEST_LOG_LEVEL", "ERROR"),
            "propagate": False,
        },
    },
}
