from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=200)
    price_cents = models.IntegerField()
    stock = models.IntegerField(default=0)


class Review(models.Model):
    product = models.ForeignKey(Product, related_name="reviews", on_delete=models.CASCADE)
    author = models.CharField(max_length=40)
    text = models.CharField(max_length=300)


class Order(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.IntegerField()


class Fortune(models.Model):
    message = models.CharField(max_length=200)
