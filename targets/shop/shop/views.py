"""The endpoints. Each does one kind of work, so that every figure has one explanation."""
import asyncio
import hashlib
import json
import os
import random
import sys
import threading
import time

import django
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.models import F
from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.csrf import csrf_exempt

from shop.models import Fortune, Order, Product


class BadNumber(ValueError):
    pass


def number(request, name, default, low, high):
    """The query parameter as an integer within [low, high]."""
    text = request.GET.get(name, str(default))
    try:
        value = int(text)
    except ValueError:
        raise BadNumber(f"{name}={text!r} is not a whole number")
    if not low <= value <= high:
        raise BadNumber(f"{name}={value} is outside {low}..{high}")
    return value


def bad_number_is_400(view):
    def wrapped(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except BadNumber as error:
            return HttpResponseBadRequest(str(error), content_type="text/plain")

    return wrapped


# --- what a page view requests -------------------------------------------------------


def home(request):
    products = Product.objects.order_by("-stock", "id")[:24]
    return render(request, "shop/home.html", {"products": products})


def product(request, pk):
    item = get_object_or_404(Product, pk=pk)
    return render(request, "shop/product.html", {"product": item, "reviews": item.reviews.order_by("id")})


def product_api(request, pk):
    item = get_object_or_404(Product, pk=pk)
    reviews = list(item.reviews.order_by("id").values("author", "text"))
    return JsonResponse({"id": item.pk, "name": item.name, "price_cents": item.price_cents, "reviews": reviews})


# --- identity ------------------------------------------------------------------------


def healthz(request):
    return HttpResponse("ok", content_type="text/plain")


def version(request):
    return JsonResponse({"python": sys.version.split()[0], "django": django.get_version()})


def whoami(request):
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return JsonResponse(
        {
            "instance": os.environ.get("BENCH_INSTANCE", "app"),
            "pid": os.getpid(),
            "threads": threading.active_count(),
            "gil": gil,
            "debug": django.conf.settings.DEBUG,
        }
    )


# --- no I/O --------------------------------------------------------------------------


def plaintext(request):
    return HttpResponse("Hello, World!", content_type="text/plain")


def json_view(request):
    return JsonResponse({"message": "Hello, World!"})


@bad_number_is_400
def cpu(request):
    """A fixed amount of work, not a spin until a deadline: that would hide contention."""
    units = number(request, "units", 20, 0, 100_000)
    digest = b"bench"
    for _ in range(units * 1000):
        digest = hashlib.blake2s(digest).digest()
    return HttpResponse(digest.hex(), content_type="text/plain")


# --- waiting -------------------------------------------------------------------------


@bad_number_is_400
def sleep(request):
    ms = number(request, "ms", 20, 0, 60_000)
    time.sleep(ms / 1000)
    return HttpResponse(f"slept {ms} ms", content_type="text/plain")


async def sleep_async(request):
    """The same wait, which takes a thread only where the server gives one to each request."""
    try:
        ms = number(request, "ms", 20, 0, 60_000)
    except BadNumber as error:
        return HttpResponseBadRequest(str(error), content_type="text/plain")
    await asyncio.sleep(ms / 1000)
    return HttpResponse(f"slept {ms} ms", content_type="text/plain")


@bad_number_is_400
def mix(request):
    """Bimodal work: mostly short, sometimes long, depending only on the seed in the query."""
    seed = number(request, "seed", 0, 0, 2**63 - 1)
    long = random.Random(seed).random() < 0.05
    time.sleep(0.2 if long else 0.005)
    return HttpResponse("long" if long else "short", content_type="text/plain")


# --- database ------------------------------------------------------------------------


def fortunes(request):
    rows = list(Fortune.objects.all())
    rows.append(Fortune(id=0, message="Additional fortune added at request time."))
    rows.sort(key=lambda row: row.message)
    return render(request, "shop/fortunes.html", {"fortunes": rows})


@bad_number_is_400
def db_read(request):
    n = number(request, "n", 1, 1, 500)
    start = number(request, "start", 1, 1, 200)
    rows = [Product.objects.get(pk=(start + i - 1) % 200 + 1) for i in range(n)]
    return JsonResponse([{"id": row.pk, "stock": row.stock} for row in rows], safe=False)


@csrf_exempt
@bad_number_is_400
def db_write(request):
    pk = number(request, "product", 1, 1, 200)
    Order.objects.create(product_id=pk, quantity=1)
    return JsonResponse({"ordered": pk})


@csrf_exempt
@bad_number_is_400
def db_update(request):
    n = number(request, "n", 1, 1, 500)
    for pk in range(1, n + 1):
        Product.objects.filter(pk=(pk - 1) % 200 + 1).update(stock=F("stock") + 1)
    return JsonResponse({"updated": n})


@bad_number_is_400
def queries(request):
    """n queries that do no work: the cost of one more query."""
    n = number(request, "n", 1, 0, 500)
    with connection.cursor() as cursor:
        for _ in range(n):
            cursor.execute("SELECT 1")
    return JsonResponse({"queries": n})


# --- shapes of responses and requests ------------------------------------------------


@bad_number_is_400
def stream(request):
    chunks = number(request, "chunks", 10, 1, 1000)
    size = number(request, "size", 1024, 1, 1 << 20)
    ms = number(request, "ms", 0, 0, 10_000)

    def body():
        for i in range(chunks):
            if i and ms:
                time.sleep(ms / 1000)
            yield b"x" * size

    return StreamingHttpResponse(body(), content_type="application/octet-stream")


@bad_number_is_400
def large(request):
    return HttpResponse(b"x" * number(request, "bytes", 1 << 20, 0, 1 << 26), content_type="application/octet-stream")


@csrf_exempt
def upload(request):
    body = request.read()
    return JsonResponse({"length": len(body), "sha256": hashlib.sha256(body).hexdigest()})


@bad_number_is_400
def headers(request):
    response = HttpResponse("ok", content_type="text/plain")
    response["X-Padding"] = "x" * number(request, "bytes", 1024, 0, 1 << 20)
    return response


# --- caching and sessions ------------------------------------------------------------


@bad_number_is_400
def cached(request):
    """A page that says for how long it may be kept; ms makes it as slow as one worth keeping."""
    key = request.GET.get("key", "default")
    time.sleep(number(request, "ms", 0, 0, 60_000) / 1000)
    response = JsonResponse({"key": key, "digest": hashlib.sha256(key.encode()).hexdigest()})
    response["Cache-Control"] = f"public, max-age={number(request, 'max_age', 5, 0, 86_400)}"
    return response


def private(request):
    """Touches the session, so the response has a cookie and no shared cache may store it."""
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    response = HttpResponse(json.dumps({"visits": visits}), content_type="application/json")
    response["Cache-Control"] = "private"
    return response


@login_required
def account(request):
    """Only for users who are logged in."""
    return JsonResponse({"user": request.user.get_username()})


# --- failures ------------------------------------------------------------------------


def error(request):
    raise RuntimeError("raised on purpose by /error")


def status(request, code):
    if not 200 <= code <= 599:
        return HttpResponseBadRequest(f"status {code} is outside 200..599", content_type="text/plain")
    return HttpResponse(f"status {code}", status=code, content_type="text/plain")
