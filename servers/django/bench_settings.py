"""The app's own settings, with those replaced that bench.yaml names under app.override.

bench puts the folder of this file on PYTHONPATH and its name into DJANGO_SETTINGS_MODULE where there
is something to replace.
"""
import importlib
import json
import os

own = importlib.import_module(os.environ["BENCH_SETTINGS_MODULE"])
globals().update({name: getattr(own, name) for name in dir(own) if name.isupper()})
globals().update(json.loads(os.environ["BENCH_SETTINGS"]))
