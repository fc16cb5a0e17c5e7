"""What the tests of live pages share."""

from fixtures.browser import browser_and_loop, browsing

__all__ = ["browser_and_loop", "browsing"]
