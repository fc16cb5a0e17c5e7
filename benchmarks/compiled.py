"""Our server once more with its hot modules as machine code (veche/setup.py), beside itself as Python.

One job: build it when its sources have changed, and add it to contests.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.contest import Contest, Contestant

ROOT = Path(__file__).parent.parent
NAME = "veche, compiled"


def built() -> Path | None:
    """The folder of the compiled package, made now if need be; None without a C compiler."""
    if shutil.which("cc") is None:
        print("Without a C compiler there is no row of the compiled server.", file=sys.stderr)
        return None
    folder = ROOT / ".compiled" / f"bench-{sys.version_info.major}.{sys.version_info.minor}"
    sources = hashlib.sha256()
    for file in [ROOT / "veche" / "setup.py", *sorted((ROOT / "veche" / "src").rglob("*.py"))]:
        sources.update(file.read_bytes())
    stamp = folder / "sources"
    if stamp.exists() and stamp.read_text() == sources.hexdigest():
        return folder
    print("Compiling our hot modules (a minute) ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target"]
    command = [*install, str(folder), "./veche"]
    made = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, "VECHE_COMPILE": "1"})
    shutil.rmtree(ROOT / "veche" / "build", ignore_errors=True)
    if made.returncode:
        print("Compiling failed, as pip says above: there is no row of the compiled server.", file=sys.stderr)
        return None
    stamp.write_text(sources.hexdigest())
    return folder


def beside(contests: Sequence[Contest], folder: Path) -> list[Contest]:
    """The contests with a compiled contestant after each `veche`, aimed at the same."""
    return [_with_compiled(contest, folder) for contest in contests]


def _with_compiled(contest: Contest, folder: Path) -> Contest:
    contestants: list[Contestant] = []
    for one in contest.contestants:
        contestants.append(one)
        if one.name == "veche" and contest.reference != "veche":
            contestants.append(replace(one, name=NAME, environment={**one.environment, "PYTHONPATH": str(folder)}))
    if len(contestants) == len(contest.contestants):
        return contest
    targets = [*contest.targets, *(replace(target, ours=NAME) for target in contest.targets if target.ours == "veche")]
    return replace(contest, contestants=contestants, targets=targets)
