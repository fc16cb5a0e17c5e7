"""The bounds of live pages are settings of the site: CAMPUS_LIVE_…"""

import asyncio
from pathlib import Path

import pytest

from fixtures.campus_site import running


@pytest.mark.parametrize(("limit", "over"), [(None, []), ("1", ["forum-categories?community=2"])])
def test_an_operator_bounds_the_live_parts_of_one_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, over: list[str]
) -> None:
    if limit is not None:
        monkeypatch.setenv("CAMPUS_LIVE_PARTS", limit)

    async def scenario() -> None:
        async with running(f"sqlite:///{tmp_path}/site.sqlite", tmp_path) as site:
            shown = [("forum-categories?community=1", ""), ("forum-categories?community=2", "")]
            answer = await site.visitor().post("/live/join", json={"join": shown})
            assert answer.json()[0]["over"] == over

    asyncio.run(scenario())
