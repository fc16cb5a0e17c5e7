"""What the use cases of accounts work with: identity's services over this site's tables, the clock, the limits.

One job: put them together. Must not know: requests, pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from campus.accounts.model import LoginThrottle, OneTimeLink, PersonalToken, Session
from veche.identity import (
    Attempt,
    Limit,
    OneTimeLinks,
    Passwords,
    PersonalTokens,
    Sessions,
    Throttle,
    network_of,
)

# A school sits behind one address, so an address may do much more than a name.
LOGINS_OF_A_NAME: Final = Limit("login name", attempts=10, window=timedelta(minutes=15))
LOGINS_OF_AN_ADDRESS: Final = Limit("login address", attempts=60, window=timedelta(minutes=15))
REGISTRATIONS_OF_AN_ADDRESS: Final = Limit("register address", attempts=60, window=timedelta(hours=1))

ADMINISTRATOR_LINK: Final = "administrator"
PASSWORD_LINK: Final = "password"  # noqa: S105  # the name of a purpose
INVITATION_LINK: Final = "invitation"
ADMINISTRATOR_LINK_LIFETIME: Final = timedelta(days=7)
PASSWORD_LINK_LIFETIME: Final = timedelta(days=1)
INVITATION_LIFETIME: Final = timedelta(days=14)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Identity:
    """The services; one for each application. `now` is injected so that tests need not wait."""

    passwords: Passwords
    sessions: Sessions
    tokens: PersonalTokens
    links: OneTimeLinks
    throttle: Throttle
    now: Callable[[], datetime] = _now


def open_identity(passwords: Passwords | None = None, now: Callable[[], datetime] = _now) -> Identity:
    """Return the services over the site's tables."""
    return Identity(
        passwords=passwords or Passwords(),
        sessions=Sessions(Session),
        tokens=PersonalTokens(PersonalToken),
        links=OneTimeLinks(OneTimeLink),
        throttle=Throttle(LoginThrottle),
        now=now,
    )


def login_attempts(canonical_name: str, address: str) -> tuple[Attempt, Attempt]:
    """Return what one login counts against: the name, and the network that it comes from."""
    return Attempt(LOGINS_OF_A_NAME, canonical_name), Attempt(LOGINS_OF_AN_ADDRESS, network_of(address))
