from django.contrib.auth.views import LoginView
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.home),
    path("products/<int:pk>", views.product),
    path("api/products/<int:pk>", views.product_api),
    path("healthz", views.healthz),
    path("version", views.version),
    path("whoami", views.whoami),
    path("plaintext", views.plaintext),
    path("json", views.json_view),
    path("cpu", views.cpu),
    path("sleep", views.sleep),
    path("sleep/async", views.sleep_async),
    path("mix", views.mix),
    path("fortunes", views.fortunes),
    path("db/read", views.db_read),
    path("db/write", views.db_write),
    path("db/update", views.db_update),
    path("db/queries", views.queries),
    path("stream", views.stream),
    path("large", views.large),
    path("upload", views.upload),
    path("headers", views.headers),
    path("cached", views.cached),
    path("private", views.private),
    path("accounts/login/", LoginView.as_view(template_name="shop/login.html", next_page="/account")),
    path("account", views.account),
    path("error", views.error),
    path("status/<int:code>", views.status),
]
