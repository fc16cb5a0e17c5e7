"""Who someone is: names, passwords, sessions, tokens, one-time links, and how often one may try."""

from veche.identity.account_names import AccountName, parse_account_name
from veche.identity.characters import NameKind, forbidden_characters, list_characters
from veche.identity.errors import (
    HashingBusy,
    IdentityError,
    LinkSpent,
    NameRefused,
    PasswordRefused,
    TooManyAttempts,
)
from veche.identity.models import AccountModel, OneTimeLinkModel, PersonalTokenModel, SessionModel, ThrottleModel
from veche.identity.one_time_links import OneTimeLinks
from veche.identity.passwords import HashCost, Passwords, Verdict, parse_password
from veche.identity.person_names import parse_person_name
from veche.identity.personal_tokens import PersonalTokens
from veche.identity.sessions import Browser, Sessions, SessionTimes, session_cookie_name
from veche.identity.throttle import Attempt, Limit, Throttle, network_of

__all__ = [
    "AccountModel",
    "AccountName",
    "Attempt",
    "Browser",
    "HashCost",
    "HashingBusy",
    "IdentityError",
    "Limit",
    "LinkSpent",
    "NameKind",
    "NameRefused",
    "OneTimeLinkModel",
    "OneTimeLinks",
    "PasswordRefused",
    "Passwords",
    "PersonalTokenModel",
    "PersonalTokens",
    "SessionModel",
    "SessionTimes",
    "Sessions",
    "Throttle",
    "ThrottleModel",
    "TooManyAttempts",
    "Verdict",
    "forbidden_characters",
    "list_characters",
    "network_of",
    "parse_account_name",
    "parse_password",
    "parse_person_name",
    "session_cookie_name",
]
