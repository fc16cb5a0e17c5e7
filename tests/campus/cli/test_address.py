"""The commands beside a running site print its address, not the usual one."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from campus.cli.address import USUAL_ADDRESS, find_address
from campus.cli.commands import campus
from campus.cli.up import welcome
from campus.settings import CampusSettings

BREAD = Path(__file__).parents[2] / "fixtures" / "courses" / "bread"


@pytest.mark.parametrize(
    ("bind", "public_url", "expected"),
    [
        ("127.0.0.1:8123", "", "http://127.0.0.1:8123"),
        ("[::1]:8123", "", "http://[::1]:8123"),
        ("127.0.0.1:8123", "https://campus.example", "https://campus.example"),
        ("unix:/run/campus.sock", "", USUAL_ADDRESS),
        ("unix:campus.sock", "", USUAL_ADDRESS),
    ],
)
def test_where_the_site_served_last_is_found_again(tmp_path: Path, bind: str, public_url: str, expected: str) -> None:
    folder = str(tmp_path)
    welcome(CampusSettings(data_directory=folder), "127.0.0.1:9999")
    welcome(CampusSettings(data_directory=folder, public_url=public_url), bind)
    assert find_address(CampusSettings(data_directory=folder), "") == expected


def test_what_is_said_now_counts_more_than_what_was_kept(tmp_path: Path) -> None:
    settings = CampusSettings(data_directory=str(tmp_path))
    assert find_address(settings, "") == USUAL_ADDRESS
    welcome(settings, "127.0.0.1:8123")
    assert find_address(settings, "http://given.example") == "http://given.example"
    public = CampusSettings(data_directory=str(tmp_path), public_url="https://campus.example")
    assert find_address(public, "http://given.example") == "https://campus.example"


def test_import_prints_the_address_of_the_site(tmp_path: Path) -> None:
    welcome(CampusSettings(data_directory=str(tmp_path)), "127.0.0.1:8123")
    done = CliRunner().invoke(campus, ["import", str(BREAD), "--data-directory", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "http://127.0.0.1:8123/courses/bread" in done.output
