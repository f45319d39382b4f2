# A user who is logged in: the requests of the mix carry the cookie of this session.
from importlib import import_module
from django.conf import settings
from django.contrib import auth
users, model = auth.get_user_model()._default_manager, auth.get_user_model()
user = users.filter(is_superuser=True, is_active=True).first()
if user is None:
    names = [model.USERNAME_FIELD, *model.REQUIRED_FIELDS]
    values = {name: "bench@example.com" if "mail" in name else "bench" for name in names}
    user = users.create_superuser(password="bench", **values)
usual = "django.contrib.auth.backends.ModelBackend"
backends = settings.AUTHENTICATION_BACKENDS
session = import_module(settings.SESSION_ENGINE).SessionStore()
data = {
    auth.SESSION_KEY: str(user.pk),
    auth.BACKEND_SESSION_KEY: usual if usual in backends else backends[0],
    auth.HASH_SESSION_KEY: user.get_session_auth_hash(),
}
session.get_model_class().objects.update_or_create(
    session_key="benchinitbenchinitbenchinitbench",
    defaults={"session_data": session.encode(data), "expire_date": session.get_expiry_date()},
)
