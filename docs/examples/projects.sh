#!/bin/sh
# Makes a public project from what the package registries serve, as its own tutorial says, and measures it as a
# stranger would: bench init, bench compare --quick, and the closed loop against wrk. It prints a row for
# docs/PROJECTS.md.
#
#   docs/examples/projects.sh NAME [FOLDER]      with bench on PATH, or BENCH=bin/bench
#   docs/examples/projects.sh --list
#
# ONLY=make stops once the project is there, ONLY=init after bench init; ARGS are more flags for bench compare.
set -eu

names="polls wagtail flaskr fastapi starlette drf channels guardian startproject wsgi unfold postgres litestar bottle"
if [ "${1:-}" = --list ]; then
	echo "$names"
	exit
fi
name=${1:?want one of: $names}
case " $names " in *" $name "*) ;; *) echo "$name is not one of: $names" >&2; exit 2 ;; esac
bench=${BENCH:-bench}
case $bench in */*) bench=$(cd "$(dirname "$bench")" && pwd)/$(basename "$bench") ;; esac
folder=${2:-$(mktemp -d)}
mkdir -p "$folder"
cd "$folder"
folder=$(pwd)

# packages makes the project's own environment, which bench init finds by its name.
packages() { "${PYTHON:-python3}" -m venv .venv && .venv/bin/pip -q --disable-pip-version-check install "$@"; }

# source_of gets a package's source, with the example project in it.
source_of() {
	.venv/bin/pip -q --disable-pip-version-check download --no-deps --no-binary "$1" -d .source "$1"
	tar xzf .source/*.tar.gz --strip-components=1
	rm -r .source
}

# site starts a Django project with DEBUG as startproject writes it, and the URLconf on stdin.
site() {
	.venv/bin/django-admin startproject mysite .
	cat >mysite/urls.py
}

polls() {
	packages 'django>=5.2,<6'
	site <<-'END'
		from django.contrib import admin
		from django.urls import include, path
		urlpatterns = [path("polls/", include("polls.urls")), path("admin/", admin.site.urls)]
	END
	.venv/bin/python manage.py startapp polls
	cat >polls/models.py <<-'END'
		from django.db import models


		class Question(models.Model):
		    question_text = models.CharField(max_length=200)
		    pub_date = models.DateTimeField("date published", auto_now_add=True)


		class Choice(models.Model):
		    question = models.ForeignKey(Question, on_delete=models.CASCADE)
		    choice_text = models.CharField(max_length=200)
		    votes = models.IntegerField(default=0)
	END
	mkdir -p polls/templates/polls
	echo '{% for q in questions %}<a href="{% url "polls:detail" q.id %}">{{ q.question_text }}</a>{% endfor %}' \
		>polls/templates/polls/index.html
	echo '<h1>{{ question.question_text }}</h1>{% for c in question.choice_set.all %}{{ c.choice_text }}{% endfor %}' \
		>polls/templates/polls/detail.html
	cat >polls/views.py <<-'END'
		from django.shortcuts import get_object_or_404, render

		from .models import Question


		def index(request):
		    return render(request, "polls/index.html", {"questions": Question.objects.order_by("-pub_date")[:5]})


		def detail(request, pk):
		    return render(request, "polls/detail.html", {"question": get_object_or_404(Question, pk=pk)})
	END
	cat >polls/urls.py <<-'END'
		from django.urls import path

		from . import views

		app_name = "polls"
		urlpatterns = [path("", views.index, name="index"), path("<int:pk>/", views.detail, name="detail")]
	END
	sed -i 's/^INSTALLED_APPS = \[/&\n    "polls",/' mysite/settings.py
	.venv/bin/python manage.py makemigrations -v0 polls
	.venv/bin/python manage.py migrate -v0
	.venv/bin/python manage.py shell -v0 -c '
from polls.models import Question
for i in range(20):
    question = Question.objects.create(question_text="Question %d" % i)
    for j in range(4):
        question.choice_set.create(choice_text="Choice %d" % j)'
}

wagtail() {
	packages wagtail
	.venv/bin/wagtail start mysite .
}

flaskr() { # the tutorial of Flask, which its source has as an example
	packages flask
	source_of flask
	mkdir ../flaskr.$$ && mv examples/tutorial/* ../flaskr.$$/
	rm -rf ./* && mv ../flaskr.$$/* . && rmdir ../flaskr.$$
	.venv/bin/pip -q --disable-pip-version-check install -e .
	.venv/bin/flask --app flaskr init-db
}

fastapi() {
	packages fastapi uvicorn
	cat >main.py <<-'END'
		from contextlib import asynccontextmanager

		from fastapi import FastAPI

		items = {}


		@asynccontextmanager
		async def lifespan(app):
		    items.update({n: {"name": "item %d" % n} for n in range(100)})
		    yield


		app = FastAPI(lifespan=lifespan)


		@app.get("/")
		async def root():
		    return {"message": "Hello World"}


		@app.get("/items")
		def read_items(limit: int = 20):
		    return list(items.values())[:limit]


		@app.get("/items/{item_id}")
		async def read_item(item_id: int):
		    return items.get(item_id)
	END
}

starlette() {
	packages starlette uvicorn
	cat >app.py <<-'END'
		from starlette.applications import Starlette
		from starlette.responses import JSONResponse, PlainTextResponse
		from starlette.routing import Mount, Route


		async def homepage(request):
		    return JSONResponse({"hello": "world"})


		async def about(request):
		    return PlainTextResponse("about")


		app = Starlette(routes=[Route("/", homepage), Mount("/site", routes=[Route("/about", about)])])
	END
}

drf() { # the quickstart of Django REST framework
	packages 'django>=5.2,<6' djangorestframework
	site <<-'END'
		from django.contrib.auth.models import Group, User
		from django.urls import include, path
		from rest_framework import permissions, routers, serializers, viewsets


		class GroupSerializer(serializers.HyperlinkedModelSerializer):
		    class Meta:
		        model = Group
		        fields = ["url", "name"]


		class Groups(viewsets.ModelViewSet):
		    queryset = Group.objects.order_by("name")
		    serializer_class = GroupSerializer
		    permission_classes = [permissions.IsAuthenticatedOrReadOnly]


		router = routers.DefaultRouter()
		router.register("groups", Groups)
		urlpatterns = [path("", include(router.urls)), path("api-auth/", include("rest_framework.urls"))]
	END
	sed -i 's/^INSTALLED_APPS = \[/&\n    "rest_framework",/' mysite/settings.py
	.venv/bin/python manage.py migrate -v0
	.venv/bin/python manage.py shell -v0 -c '
from django.contrib.auth.models import Group
for i in range(30):
    Group.objects.create(name="group %d" % i)'
}

channels() {
	packages 'django>=5.2,<6' channels daphne
	site <<-'END'
		from django.http import HttpResponse
		from django.urls import path


		def index(request):
		    return HttpResponse("<a href=/chat/lobby/>lobby</a>")


		def room(request, name):
		    return HttpResponse("room " + name)


		urlpatterns = [path("", index), path("chat/<str:name>/", room)]
	END
	cat >mysite/asgi.py <<-'END'
		import os

		from channels.routing import ProtocolTypeRouter
		from django.core.asgi import get_asgi_application

		os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
		application = ProtocolTypeRouter({"http": get_asgi_application()})
	END
	rm mysite/wsgi.py
	sed -i 's/^WSGI_APPLICATION.*/ASGI_APPLICATION = "mysite.asgi.application"/' mysite/settings.py
}

startproject() { # nothing but what Django writes: the admin alone
	packages 'django>=5.2,<6'
	.venv/bin/django-admin startproject mysite .
}

wsgi() { # no framework
	packages waitress
	cat >wsgi.py <<-'END'
		def application(environ, start_response):
		    start_response("200 OK", [("Content-Type", "text/plain")])
		    return [b"hello"]
	END
}

unfold() { # the newest Django that the interpreter can have
	packages django django-unfold gunicorn
	.venv/bin/django-admin startproject mysite .
	sed -i 's/^INSTALLED_APPS = \[/&\n    "unfold",/' mysite/settings.py
	.venv/bin/python manage.py migrate -v0
}

postgres() { # a database that SQLite cannot stand in for, named by a variable that nobody has set
	packages 'django>=5.2,<6' dj-database-url 'psycopg[binary]' gunicorn
	site <<-'END'
		from django.http import JsonResponse
		from django.urls import path
		from shop.models import Product


		def products(request):
		    return JsonResponse({"products": list(Product.objects.filter(tags__contains=["new"]).values("name"))})


		urlpatterns = [path("", products)]
	END
	.venv/bin/python manage.py startapp shop
	cat >shop/models.py <<-'END'
		from django.contrib.postgres.fields import ArrayField
		from django.db import models


		class Product(models.Model):
		    name = models.CharField(max_length=80)
		    tags = ArrayField(models.CharField(max_length=20), default=list)
	END
	sed -i 's/^INSTALLED_APPS = \[/&\n    "shop",/' mysite/settings.py
	cat >>mysite/settings.py <<-'END'

		import os

		import dj_database_url

		DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
	END
	echo 'DATABASE_URL=postgres://shop:shop@localhost:5432/shop' >.env.example
	DATABASE_URL=sqlite:// .venv/bin/python manage.py makemigrations -v0 shop
}

litestar() {
	packages litestar uvicorn granian
	cat >app.py <<-'END'
		from litestar import Litestar, get


		@get("/")
		async def index() -> str:
		    return "Hello, world!"


		@get("/books")
		async def books() -> list[dict[str, int]]:
		    return [{"id": n} for n in range(20)]


		app = Litestar([index, books])
	END
}

bottle() {
	packages bottle gunicorn
	cat >site_app.py <<-'END'
		from bottle import default_app, route, template


		@route("/")
		def index():
		    return template("<b>Hello {{name}}</b>!", name="you")


		application = default_app()
	END
}

guardian() { # the example in the source of django-guardian
	packages 'django>=5.2,<6' django-guardian django-environ
	source_of django-guardian
}

"$name" >&2
[ "${ONLY:-}" = make ] && exit
began=$(date +%s)
"$bench" init --yes >&2
found=$(date +%s)
[ "${ONLY:-}" = init ] && exit
status=0
# shellcheck disable=SC2086 # ARGS are several words
"$bench" compare --quick ${ARGS:-} >compare.txt || status=$?
ended=$(date +%s)
wrk=-
topology=uwsgi
if ! grep -q '^  wsgi:' bench.yaml; then
	topology=uvicorn
	[ -x .venv/bin/uvicorn ] || topology=daphne
fi
if command -v wrk >/dev/null; then
	"$bench" selftest compare --app . --topologies "$topology" >wrk.txt || true
	wrk=$(sed -n 's/.*\([+−-][0-9.]* %\).*/\1/p' wrk.txt | head -n 1)
fi
echo "| $name | init $((found - began)) s | verdict $((ended - found)) s, exit $status |" \
	"$(sed -n 's/^\(.*as fast as.*\|.*no difference.*\)$/\1/p' compare.txt | head -n 1) | wrk: ${wrk:--} | $(pwd) |"
