"""When a worker is worn out."""

from typing import Any

import pytest

from veche.server.processes.wear import Wear
from veche.server.settings import ServerSettings

YOUNG: dict[str, Any] = {"requests": 0, "seconds": 0.0, "rss_octets": 0}


@pytest.mark.parametrize(
    ("setting", "what"),
    [("recycle_requests", "requests"), ("recycle_seconds", "seconds"), ("recycle_rss_octets", "rss_octets")],
)
def test_each_bound_is_kept_and_raised_by_its_jitter(setting: str, what: str) -> None:
    settings = ServerSettings(**{setting: 1000, "recycle_jitter": 0.2})  # type: ignore[arg-type]  # one of three names
    for chance, bound in ((0.0, 1000), (0.5, 1100), (1.0, 1200)):
        wear = Wear(settings, chance=lambda chance=chance: chance)  # type: ignore[misc]  # bound in the loop
        assert wear.is_bounded
        assert wear.reason(**YOUNG | {what: bound - 1}) == ""
        assert setting in wear.reason(**YOUNG | {what: bound})


def test_without_bounds_nobody_is_worn_out() -> None:
    wear = Wear(ServerSettings(), chance=lambda: 1.0)
    assert not wear.is_bounded
    assert wear.reason(requests=10**9, seconds=1e9, rss_octets=10**12) == ""
