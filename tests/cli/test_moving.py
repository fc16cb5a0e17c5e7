"""docs/server/moving.md has every option of gunicorn and of uvicorn, and none of ours that does not exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from veche.server import ServerSettings
from veche.settings import settings_of

MOVING = Path(__file__).parents[2] / "docs" / "server" / "moving.md"
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")


def rows(peer: str) -> list[list[str]]:
    """The cells of the peer's table."""
    table = MOVING.read_text(encoding="utf-8").split(f"<!-- {peer} -->")[1].split("<!-- end -->")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]]


def options_of(peer: str) -> set[str]:
    """What its --help names at the start of a line."""
    said = subprocess.run([sys.executable, "-m", peer, "--help"], capture_output=True, text=True, check=True).stdout
    found: set[str] = set()
    for line in said.splitlines():
        if re.match(r" {2,4}-", line):
            names = re.split(r" {2,}", line.strip())[0]
            found.update(OPTION.findall(names))
    return found


@pytest.mark.parametrize(("peer", "least"), [("gunicorn", 90), ("uvicorn", 50)])
def test_every_option_of_the_peer_stands_in_its_table_and_no_other(peer: str, least: int) -> None:
    theirs = options_of(peer)
    assert len(theirs) >= least
    told = {option for row in rows(peer) for option in OPTION.findall(row[0])}
    assert theirs - told == set()
    assert told - theirs == set()


@pytest.mark.parametrize("peer", ["gunicorn", "uvicorn"])
def test_every_option_of_ours_that_a_table_names_exists(peer: str) -> None:
    ours = {setting.option for setting in settings_of(ServerSettings)} | {"--help", "--version"}
    for row in rows(peer):
        assert row[1] == "–" or set(OPTION.findall(row[1])) <= ours, row
        assert row[1] == "–" or OPTION.search(row[1]), row
