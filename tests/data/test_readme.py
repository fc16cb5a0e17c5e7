"""The examples of the README are one program, and it runs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import veche.data

README = Path(veche.data.__file__).with_name("README.md")


def test_the_program_of_the_readme_runs(database_url: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile("\n".join(blocks), str(README), "exec", dont_inherit=True), names)
    asyncio.run(names["main"](database_url))
