"""Identity's tables in a MetaData of the tests' own, and a clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from veche.data import ForeignKey
from veche.identity import AccountModel, OneTimeLinkModel, PersonalTokenModel, SessionModel, ThrottleModel

METADATA = sa.MetaData()
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

OF_AN_ACCOUNT = ForeignKey(("account_id",), "account", on_delete="CASCADE")


class Account(AccountModel, table="account", scope="local", metadata=METADATA):
    """An account."""


class Session(SessionModel, table="session", scope="local", metadata=METADATA, constraints=(OF_AN_ACCOUNT,)):
    """A session."""


class Token(PersonalTokenModel, table="token", scope="local", metadata=METADATA, constraints=(OF_AN_ACCOUNT,)):
    """A personal token."""


class Link(OneTimeLinkModel, table="link", scope="local", metadata=METADATA, constraints=(OF_AN_ACCOUNT,)):
    """A one-time link."""


class Attempts(ThrottleModel, table="attempts", scope="local", metadata=METADATA):
    """The throttle's rows."""


def account(name: str) -> Account:
    """Return an account with that name."""
    return Account(name=name, canonical_name=name, skeleton=name, created_at=NOON)
