"""Each published fault that docs/server/advisories.md lists has a test of its number, and each such test is listed."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"CVE[-_]\d{4}[-_]\d+|GHSA(?:[-_][0-9a-z]{4}){3}", re.IGNORECASE)


def numbers(text: str) -> set[str]:
    return {number.replace("_", "-").lower() for number in NUMBER.findall(text)}


def test_every_known_attack_has_tests_of_its_number() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", Path(ROOT, "docs/server/advisories.md").read_text(), re.MULTILINE)
    listed = numbers("\n".join(rows))
    tested: set[str] = set()
    for file in Path(ROOT, "tests").rglob("test_*.py"):
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE):
            tested |= numbers(name)
    assert tested == listed
    assert len(listed) == 51  # of facts §5.2, and those of §5.1
