"""A started site, on either engine."""

from pathlib import Path

import pytest

from fixtures.course_site import RunScenario, runner


@pytest.fixture
def on_site(database_url: str, tmp_path: Path) -> RunScenario:
    """Run a scenario on a started site, once on each engine."""
    return runner(database_url, tmp_path)


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path) -> RunScenario:
    """Run a scenario on a started site on SQLite: where nothing depends on the engine."""
    return runner(sqlite_url, tmp_path)
