"""Fixtures that several rooms use; each is described in its module under tests/fixtures/."""

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import settings

from fixtures.patience import be_patient_with_units

pytest_plugins = ("fixtures.browser", "fixtures.databases")

# A test's time says more about the machine than about the code; pytest-timeout ends what hangs.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Nor may httpx give up after five seconds, and a unit of work after one, because the machine stood still. These are
# only what whoever says nothing gets; the processes that tests start keep the second, but for fixtures.pushing.
DEFAULT_TIMEOUT_CONFIG.connect = DEFAULT_TIMEOUT_CONFIG.read = 20.0
DEFAULT_TIMEOUT_CONFIG.write = DEFAULT_TIMEOUT_CONFIG.pool = 20.0
be_patient_with_units()


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever asks for a browser, so that ./test runs it with the machine to itself."""
    for item in items:
        if "browser_and_loop" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
