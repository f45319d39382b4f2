"""The app's own settings, with those replaced that bench.yaml names under app.override, and with the
addresses of the servers that bench runs for the app.

bench puts the folder of this file on PYTHONPATH and its name into DJANGO_SETTINGS_MODULE where there
is something to replace.
"""
import importlib
import json
import os
import sys

import bench_services
import django.conf

own = importlib.import_module(os.environ["BENCH_SETTINGS_MODULE"])
globals().update({name: getattr(own, name) for name in dir(own) if name.isupper()})
globals().update(json.loads(os.environ["BENCH_SETTINGS"]))
bench_services.use(globals(), json.loads(os.environ.get("BENCH_SERVICES", "{}")))

# Settings may have set Django's object up by themselves, or put one of their own in its place: neither reads
# this module any more.
for settings in (django.conf.settings, sys.modules["django.conf"].settings):
    if settings.configured:
        for name in [name for name in globals() if name.isupper()]:
            setattr(settings, name, globals()[name])
