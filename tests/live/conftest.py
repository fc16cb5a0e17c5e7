"""What the tests of live pages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.browser import Browsing, browser_and_loop, browsing
from fixtures.live_server import BoardServer, board_server

__all__ = ["browser_and_loop", "browsing"]


@pytest.fixture
def board(tmp_path: Path, browsing: Browsing) -> Iterator[BoardServer]:
    with board_server(tmp_path) as server:
        yield server
        browsing.close()
