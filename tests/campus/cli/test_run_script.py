"""`./run --help` answers on a machine that has nothing yet."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_installs_nothing(tmp_path: Path, option: str) -> None:
    folder = tmp_path / "alone"  # without the scripts that install
    folder.mkdir()
    shutil.copy(ROOT / "run", folder)
    done = subprocess.run(["alone/run", option], cwd=tmp_path, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("./run [OPTIONS OF campus up]: ")
    assert "campus up --help" in done.stdout
    assert [file.name for file in folder.iterdir()] == ["run"]
