"""deploy/Dockerfile without an engine: what it names is there, and what it installs and starts works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from campus.settings import CampusSettings
from fixtures.databases import PASSWORD, PostgresCluster
from fixtures.servers import RunningCommand, free_port
from fixtures.visitors import Visitor
from veche.server import ServerSettings
from veche.settings import settings_of

ROOT = Path(__file__).parents[2]
START = ROOT / "deploy" / "start"
PATIENCE_SECONDS = 60.0


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest of it), continued lines joined."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def arguments_of(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def test_everything_copied_is_there_and_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [rest.split()[0] for rest in arguments_of("COPY") if not rest.startswith("--from")]
    assert copied == ["requirements/run.txt", "veche", "campus", "deploy/start"]
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignore, source
    assert ignore[1] == "*", "everything else stays outside"


def test_only_pinned_packages_are_installed_and_nothing_runs_as_root() -> None:
    installs = [rest for rest in arguments_of("RUN") if "pip install" in rest]
    assert "--require-hashes -r requirements/run.txt" in installs[0]
    assert all("--no-deps --no-build-isolation" in rest for rest in installs[1:])
    [user] = arguments_of("USER")
    created = next(shlex.split(rest) for rest in arguments_of("RUN") if "useradd" in rest)
    assert user in created
    assert user != "root"


def test_its_environment_names_real_settings_that_agree_with_each_other() -> None:
    variables = dict(pair.split("=", 1) for rest in arguments_of("ENV") for pair in rest.split())
    known = {setting.variable("CAMPUS") for setting in settings_of(CampusSettings)}
    known |= {setting.variable("VECHE") for setting in settings_of(ServerSettings)}
    ours = {name for name in variables if name.startswith(("CAMPUS_", "VECHE_"))}
    assert ours == {"CAMPUS_DATA_DIRECTORY", "VECHE_BIND"} <= known
    assert arguments_of("VOLUME") == [variables["CAMPUS_DATA_DIRECTORY"]] == arguments_of("WORKDIR")[1:]
    [port] = arguments_of("EXPOSE")
    assert variables["VECHE_BIND"].endswith(f":{port}")
    [health] = arguments_of("HEALTHCHECK")
    assert f"http://127.0.0.1:{port}/robots.txt" in health
    compile(json.loads(health.partition("CMD ")[2])[2], "HEALTHCHECK", "exec")


def test_what_it_starts_can_be_executed() -> None:
    [entry] = arguments_of("ENTRYPOINT")
    assert f"deploy/start /usr/local/bin/{json.loads(entry)[0]}" in arguments_of("COPY")
    assert os.access(START, os.X_OK)
    assert START.read_text(encoding="utf-8").startswith("#!/bin/sh\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions as pip would put them into the image: built from copies, and without the source tree."""
    folder = tmp_path_factory.mktemp("image")
    for name in ("veche", "campus"):
        ignore = shutil.ignore_patterns("*.egg-info", "__pycache__", "build")
        source = shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignore)
        build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
        command = [sys.executable, "-W", "ignore", "-c", build, str(folder)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    for wheel in folder.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder / "site-packages")
    shutil.rmtree(folder / "source")
    return folder / "site-packages"


@pytest.mark.process
@pytest.mark.postgres
def test_the_built_packages_start_on_postgresql_by_environment_alone(
    installed: Path, postgres_cluster: PostgresCluster, postgres_url: str, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    commands = tmp_path / "bin"
    commands.mkdir()
    campus = commands / "campus"
    campus.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m campus "$@"\n', encoding="utf-8")
    campus.chmod(0o755)
    env = {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(installed),
        "CAMPUS_DATA_DIRECTORY": str(tmp_path / "data"),
        "VECHE_BIND": address,
        "VECHE_WORKERS": "1",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres_cluster.port),
        "PGDATABASE": urlsplit(postgres_url).path.strip("/"),
        "PGUSER": "veche",
        "PGPASSWORD": PASSWORD,
    }
    command = [str(START), "--sample"]
    with (
        RunningCommand(command, ready="Campus is at", cwd=tmp_path, env=env, patience_seconds=PATIENCE_SECONDS),
        Visitor(f"http://{address}") as anna,
        Visitor(f"http://{address}", **{"accept-language": "ru"}) as stranger,
    ):
        anna.register("анна")
        assert "Ёлкин" in anna.see("/profile")
        for path in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', anna.see("/"))):
            assert anna.client.get(path).status_code == 200, path
        assert "хлеб" in anna.see(anna.start_thread("questions", "хлеб", "**?**"))
        assert "Войти" in stranger.see("/login")
    assert not list((tmp_path / "data").glob("*.sqlite*"))
    assert campus_is_from(installed)


def campus_is_from(folder: Path) -> bool:
    """Whether a process with this path imports the built package, not the source tree; else the test shows nothing."""
    command = [sys.executable, "-P", "-c", "import campus, veche; print(campus.__file__, veche.__file__)"]
    env = {**os.environ, "PYTHONPATH": str(folder)}
    printed = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd="/").stdout
    return printed.count(str(folder)) == 2
