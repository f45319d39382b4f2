from django.apps import AppConfig
from django.db.backends.signals import connection_created


def tune_sqlite(sender, connection, **kwargs):
    """WAL lets readers continue while one writer commits; NORMAL syncs only at checkpoints."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        connection_created.connect(tune_sqlite, dispatch_uid="shop.tune_sqlite")
