"""The app's own settings, with those replaced that bench.yaml names under app.override, and with the
addresses of the servers that bench runs for the app.

bench puts the folder of this file on PYTHONPATH and its name into DJANGO_SETTINGS_MODULE where there
is something to replace.
"""
import importlib
import json
import os

import bench_services

own = importlib.import_module(os.environ["BENCH_SETTINGS_MODULE"])
globals().update({name: getattr(own, name) for name in dir(own) if name.isupper()})
globals().update(json.loads(os.environ["BENCH_SETTINGS"]))
bench_services.use(globals(), json.loads(os.environ.get("BENCH_SERVICES", "{}")))
