"""Fills the database with the same rows every time."""
import random

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from shop.models import Fortune, Order, Product, Review

PRODUCTS = 200
REVIEWS_EACH = 5
USERS = 20
PASSWORD = "correct horse"  # the same for all users: hashing one takes a third of a second
WORDS = (
    "amber basin cedar delta ember fjord grove haven inlet juniper kelp linen maple "
    "north ochre pebble quartz ridge slate thistle umber velvet willow yarrow zephyr"
).split()


class Command(BaseCommand):
    help = "Empty the shop's tables and fill them with fixed data."

    def handle(self, *args, **options):
        pick = random.Random(20260101)
        words = lambda n: " ".join(pick.choice(WORDS) for _ in range(n))
        for model in (Review, Order, Product, Fortune, User):
            model.objects.all().delete()
        password = make_password(PASSWORD)
        User.objects.bulk_create(User(username=f"user{i}", password=password) for i in range(1, USERS + 1))
        Product.objects.bulk_create(
            Product(
                id=i,
                name=words(2).title(),
                summary=words(12),
                price_cents=pick.randrange(100, 90000),
                stock=pick.randrange(100),
            )
            for i in range(1, PRODUCTS + 1)
        )
        Review.objects.bulk_create(
            Review(product_id=i, author=words(1), text=words(20))
            for i in range(1, PRODUCTS + 1)
            for _ in range(REVIEWS_EACH)
        )
        Fortune.objects.bulk_create(
            Fortune(message=words(8) + (" <script>alert(1)</script>" if i == 7 else ""))
            for i in range(12)
        )
        self.stdout.write(f"seeded {PRODUCTS} products")
