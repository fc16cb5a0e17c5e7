"""The tables of accounts: identity's columns under this site's names.

One job: the five local tables. Must not know: what an account may do in a community (campus.model.Membership).
"""

from campus.model import METADATA
from veche.data import ForeignKey, Index
from veche.identity import AccountModel, OneTimeLinkModel, PersonalTokenModel, SessionModel, ThrottleModel

OF_AN_ACCOUNT = ForeignKey(("account_id",), "account", on_delete="CASCADE")


class Account(AccountModel, table="account", scope="local", metadata=METADATA):
    """Someone who can log in."""


class Session(SessionModel, table="session", scope="local", metadata=METADATA, constraints=(OF_AN_ACCOUNT,)):
    """One browser that is logged in."""


class PersonalToken(
    PersonalTokenModel, table="personal_token", scope="local", metadata=METADATA, constraints=(OF_AN_ACCOUNT,)
):
    """A secret with which a program acts for an account."""


class OneTimeLink(
    OneTimeLinkModel,
    table="one_time_link",
    scope="local",
    metadata=METADATA,
    constraints=(OF_AN_ACCOUNT, Index("account_id")),
):
    """An invitation, a link for a forgotten password, or the first administrator's link."""


class LoginThrottle(ThrottleModel, table="login_throttle", scope="local", metadata=METADATA):
    """How much of a limit one name or address has used."""
