"""How each server is started, so that all of them serve the same application in the same way: one worker, uvloop.

One job: commands.
"""

import sys

from benchmarks.contest import Contestant

PYTHON = sys.executable
BIND = "127.0.0.1:{port}"


def veche(application: str, *options: str, name: str = "veche", workers: int = 1) -> Contestant:
    command = [PYTHON, "-m", "veche", "serve", "--bind", BIND, "--workers", str(workers), *options, application]
    return Contestant(name, command, ["veche"], ["--no-access-log"], ["--access-log"], cores=workers)


def uvicorn(application: str, *options: str, name: str = "uvicorn") -> Contestant:
    command = [PYTHON, "-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools", *options]
    packages = ["uvicorn", "uvloop", "httptools"]
    quiet = ["--no-access-log", "--log-level", "error"]
    return Contestant(name, [*command, application], packages, quiet, ["--access-log", "--no-use-colors"])


def granian(application: str, interface: str, *options: str, name: str = "granian") -> Contestant:
    command = [PYTHON, "-m", "granian", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1"]
    command += ["--interface", interface, "--loop", "uvloop", *options, application]
    return Contestant(name, command, ["granian"], ["--no-access-log"], ["--access-log"])


def gunicorn(application: str, worker_class: str, *options: str) -> Contestant:
    command = [PYTHON, "-m", "gunicorn", "--bind", BIND, "--workers", "1", "--worker-class", worker_class]
    command += ["--log-level", "error", *options, application]
    return Contestant(f"gunicorn {worker_class}", command, ["gunicorn"], [], ["--access-logfile", "-"])


def hypercorn(application: str, *options: str) -> Contestant:
    command = [PYTHON, "-m", "hypercorn", "--bind", BIND, "--workers", "1", "--worker-class", "uvloop"]
    command += ["--log-level", "error", *options, application]
    return Contestant("hypercorn", command, ["hypercorn"], [], ["--access-logfile", "-"])


def daphne(application: str) -> Contestant:
    command = [PYTHON, "-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "-v", "0"]
    return Contestant("daphne", [*command, application], ["daphne"], [], ["--access-log", "-"])


def constant() -> Contestant:
    """A constant written by uvloop: what no server in Python can pass."""
    return Contestant("limit: a constant", [PYTHON, "-m", "benchmarks.limit", "{port}"])
