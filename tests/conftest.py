"""Fixtures that several rooms use; each is described in its module under tests/fixtures/."""

import pytest
from hypothesis import settings

pytest_plugins = ("fixtures.browser", "fixtures.databases")

# A test's time says more about the machine than about the code; pytest-timeout ends what hangs.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for a browser, so that ./test runs it with the machine to itself."""
    for item in items:
        if "browser_and_loop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
