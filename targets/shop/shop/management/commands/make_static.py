"""Writes the generated static files (and their .gz) to STATIC_ROOT's source folder.

They are generated rather than committed: 10 MiB of fixed noise does not belong in the history.
"""
import gzip
import random
from pathlib import Path

from django.core.management.base import BaseCommand

STATIC = Path(__file__).resolve().parents[2] / "static" / "shop"


def css(size):
    rules = (f".c{i}{{margin:{i}px;color:#{i:06x}}}\n" for i in range(10**6))
    text = ""
    while len(text) < size:
        text += next(rules)
    return text[:size].encode()


class Command(BaseCommand):
    help = "Generate the static files of 1 KiB, 100 KiB and 10 MiB."

    def handle(self, *args, **options):
        STATIC.mkdir(parents=True, exist_ok=True)
        pick = random.Random(7)
        files = {
            "s1k.css": css(1 << 10),
            "s100k.js": b"/* generated */\n" + css((100 << 10) - 16).replace(b"{", b"=").replace(b"}", b";"),
            "s10m.bin": pick.randbytes(10 << 20),
        }
        for name, data in files.items():
            (STATIC / name).write_bytes(data)
            if not name.endswith(".bin"):
                (STATIC / (name + ".gz")).write_bytes(gzip.compress(data, mtime=0))
