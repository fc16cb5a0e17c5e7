"""The school on either engine."""

from __future__ import annotations

import pytest

from data.school import School


@pytest.fixture
def school(database_url: str) -> School:
    """A school with empty tables, once on each engine."""
    return School(database_url)
