"""Two workers' units of work on one database, once on either engine."""

import pytest

from identity.workers import Workers


@pytest.fixture
def workers(database_url: str) -> Workers:
    """Two workers on a fresh database with identity's tables."""
    return Workers(database_url)
