"""The list of rules in docs/server/http1.md and the tests that are named after them say the same."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_rule_has_tests_of_its_number() -> None:
    listed = set(re.findall(r"^\| (\d+) \|", Path(ROOT, "docs/server/http1.md").read_text(), re.MULTILINE))
    files = [file for room in ("wire", "server") for file in Path(ROOT, "tests", room).rglob("test_*.py")]
    tested = {
        number.lstrip("0") for file in files for number in re.findall(r"^def test_rule_(\d\d)_", file.read_text(), re.M)
    }
    assert tested == listed
    assert len(listed) == 22
