"""python -m bench_probe QUESTION ANSWER: both are JSON files."""
import json
import os
import sys

from . import django_project, failures, plain
from .answer import Answer

KINDS = {"django": django_project.explore, "plain": plain.explore}


def main():
    with open(sys.argv[1]) as file:
        question = json.load(file)
    answer = Answer(sys.argv[2])
    answer["python"] = "%d.%d.%d" % sys.version_info[:3]
    missing = answer["missing"] = failures.watch_environment()
    sys.path[:0] = [folder for folder in question.get("path", []) if folder not in sys.path]
    try:
        KINDS[question["kind"]](question, answer)
    except BaseException as error:  # a settings module may also exit
        answer["error"] = failures.describe(error, missing, os.getcwd())
    answer.write()
    os._exit(0)  # threads of the app must not keep this process alive


main()
