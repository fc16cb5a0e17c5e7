"""`./bench hello`: "Hello, world!" on our server and on its peers, per second of the server's processor time."""

import argparse
import sys

from benchmarks.contest import Contestant, contest

BENCHMARK = "hello"
PYTHON = sys.executable
ASGI, WSGI = "benchmarks.applications:hello_asgi", "benchmarks.applications:hello_wsgi"
BIND = "127.0.0.1:{port}"

VECHE = [PYTHON, "-m", "veche", "serve", "--bind", BIND, "--workers", "1", "--no-access-log"]
GRANIAN = [PYTHON, "-m", "granian", "--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--no-access-log"]
GUNICORN = [PYTHON, "-m", "gunicorn", "--bind", BIND, "--workers", "1", "--log-level", "error"]
UVICORN = [PYTHON, "-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]

ASGI_CONTEST = [
    Contestant("veche", [*VECHE, ASGI], ["veche"]),
    Contestant("uvicorn", [*UVICORN, "--log-level", "error", ASGI], ["uvicorn", "uvloop", "httptools"]),
    Contestant("granian", [*GRANIAN, "--interface", "asgi", "--loop", "uvloop", ASGI], ["granian"]),
    Contestant("gunicorn asgi", [*GUNICORN, "--worker-class", "asgi", ASGI], ["gunicorn"]),
    Contestant("limit: a constant", [PYTHON, "-m", "benchmarks.limit", "{port}"]),
]
WSGI_CONTEST = [
    Contestant("veche", [*VECHE, WSGI], ["veche"]),
    Contestant("granian", [*GRANIAN, "--interface", "wsgi", WSGI], ["granian"]),
    Contestant("gunicorn gthread", [*GUNICORN, "--worker-class", "gthread", "--threads", "4", WSGI], ["gunicorn"]),
    Contestant("gunicorn sync", [*GUNICORN, "--worker-class", "sync", WSGI]),
]


def main() -> None:
    """Both contests, one table each."""
    parser = argparse.ArgumentParser(prog="./bench hello", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (default 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one burst (default 1)")
    parser.add_argument("--connections", type=int, default=64, help="connections kept open (default 64)")
    parser.add_argument("--only", choices=["asgi", "wsgi"], help="one of the two tables")
    options = parser.parse_args()
    sizes = {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections}
    if options.only != "wsgi":
        print("## ASGI")
        contest(ASGI_CONTEST, reference="uvicorn", **sizes)
    if options.only != "asgi":
        print("\n## WSGI")
        contest(WSGI_CONTEST, reference="granian", **sizes)


if __name__ == "__main__":
    main()
