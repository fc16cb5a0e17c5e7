"""`VECHE_COMPILE=1 pip install ./veche`: the hot modules as machine code, from the same source, by mypyc.

One job: name them. Without the variable nothing is compiled and everything works the same, only slower; what it brings
stands in docs/benchmarks.md. A C compiler is needed then, and nothing else by hand.
"""

import os
from pathlib import Path

from setuptools import setup

# Whatever runs for each request, and all that these modules subclass.
HOT = [
    "veche/wire/h1",
    "veche/wire/websocket",
    "veche/wire/h2",
    "veche/server/waiters.py",
    "veche/server/connections/http1",
    "veche/server/connections/http2",
    "veche/server/connections/websocket",
    "veche/server/connections/clock.py",
    "veche/server/connections/http_connection.py",
    "veche/server/connections/service.py",
    "veche/server/connections/transport/turn.py",
    "veche/server/connections/transport/writing.py",
    "veche/server/bridges/asgi.py",
    "veche/server/bridges/asgi_websocket.py",
    "veche/server/bridges/exchange.py",
    "veche/server/bridges/in_front.py",
    "veche/server/bridges/own_answer.py",
    "veche/server/bridges/redirect.py",
    "veche/server/bridges/wsgi",
    "veche/server/files/bridge.py",
    "veche/server/scoreboard/writer.py",
]

# Of those folders. The Huffman code is a tuple of 257 numbers, which C compilers chew for minutes, and remembers its
# answers anyway. A body's classes inherit from Python's own files, and work in C as they are.
LEFT = {"__init__.py", "huffman.py", "static_table.py", "body.py", "file_wrapper.py"}


def modules() -> list[str]:
    """Return the path of every hot module; what only imports or holds a table stays as it is."""
    paths = [Path("src", name) for name in HOT]
    files = [file for path in paths for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return [str(file) for file in files if file.name not in LEFT]


if os.environ.get("VECHE_COMPILE") == "1":
    from mypyc.build import mypycify

    os.environ["MYPYPATH"] = "src"
    options = ["--explicit-package-bases", "--ignore-missing-imports", "--follow-imports=silent", *modules()]
    setup(ext_modules=mypycify(options, opt_level="3", debug_level="0", group_name="veche"), setup_requires=["mypy"])
else:
    setup()
