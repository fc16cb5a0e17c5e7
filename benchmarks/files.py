"""The contest of files: one of 1 MB from a static mount, beside nginx with sendfile.

One job: declare it.
"""

import sys
from collections.abc import Sequence

from benchmarks.contest import Contest, Contestant, Target
from benchmarks.load import Requests


def _serving(name: str, packages: Sequence[str] = ()) -> Contestant:
    return Contestant(name, [sys.executable, "-m", "benchmarks.file_server", name, "{port}"], packages)


CONTESTS = (
    Contest(
        "file",
        "a file of 1 MB from a folder, 16 connections",
        [_serving("veche", ["veche"]), _serving("nginx")],
        Requests(connections=16, path="/file.zip"),
        "nginx",
        [Target(0.7, ["nginx"])],
    ),
)
