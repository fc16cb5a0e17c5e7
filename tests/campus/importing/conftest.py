"""Small courses, written by the test that needs them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


@pytest.fixture
def write_course(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """write_course({"SUMMARY.md": …}) makes the folder; beside it there is room for what lies outside."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "course"
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return folder

    return write
