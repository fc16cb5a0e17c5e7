"""Fixtures that several rooms use; each is described in its module under tests/fixtures/."""

from hypothesis import settings

pytest_plugins = ("fixtures.browser", "fixtures.databases")

# A test's time says more about the machine than about the code; pytest-timeout ends what hangs.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
