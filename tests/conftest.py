"""Fixtures that several rooms use; each is described in its module under tests/fixtures/."""

pytest_plugins = ("fixtures.browser", "fixtures.databases")
