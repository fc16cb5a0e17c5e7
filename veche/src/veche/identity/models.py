"""The columns of identity's tables; a site gives them their names and their MetaData.

One job: what is kept about an account, its sessions, tokens, links and login attempts.
Must not know: communities, roles, profiles: those are the site's own tables.

All five are local tables (DESIGN §7): written often, never shared out with a tenant's rows. A site subclasses each:
    class Account(AccountModel, table="account", scope="local", metadata=METADATA): ...
and gives Session, PersonalToken and OneTimeLink the foreign key (account_id) → account, ON DELETE CASCADE.
"""

from datetime import datetime
from typing import Final

from veche.data import Field, Model, field, new_id
from veche.identity.account_names import MAX_CHARACTERS
from veche.identity.secrets import DIGEST_CHARACTERS

MAX_USER_AGENT: Final = 200
MAX_ADDRESS: Final = 60
MAX_TOKEN_NAME: Final = 80


class AccountModel(Model, abstract=True):
    """Someone who can log in. `canonical_name` and `skeleton` are UNIQUE; without `password_hash` nobody can log in."""

    id: Field[int] = field(primary_key=True, default_factory=new_id)
    name: Field[str] = field(max_length=MAX_CHARACTERS)
    canonical_name: Field[str] = field(unique=True)
    skeleton: Field[str] = field(unique=True)
    password_hash: Field[str | None] = field(default=None)
    created_at: Field[datetime]


class SessionModel(Model, abstract=True):
    """One browser that is logged in. `last_seen_at` is coarse: a page view does not write."""

    id: Field[int] = field(primary_key=True, default_factory=new_id)
    account_id: Field[int] = field(index=True)
    digest: Field[str] = field(unique=True, max_length=DIGEST_CHARACTERS)
    created_at: Field[datetime]
    last_seen_at: Field[datetime]
    expires_at: Field[datetime]
    user_agent: Field[str] = field(max_length=MAX_USER_AGENT)
    address: Field[str] = field(max_length=MAX_ADDRESS)


class PersonalTokenModel(Model, abstract=True):
    """A secret with which a program acts for an account."""

    id: Field[int] = field(primary_key=True, default_factory=new_id)
    account_id: Field[int] = field(index=True)
    digest: Field[str] = field(unique=True, max_length=DIGEST_CHARACTERS)
    name: Field[str] = field(max_length=MAX_TOKEN_NAME)
    created_at: Field[datetime]
    last_used_at: Field[datetime | None] = field(default=None)


class OneTimeLinkModel(Model, abstract=True):
    """A secret in an address that lets its bearer do one thing, `uses_left` times.

    account_id: for whom, where that is known; tenant_id: where, on a site that has tenants.
    """

    id: Field[int] = field(primary_key=True, default_factory=new_id)
    digest: Field[str] = field(unique=True, max_length=DIGEST_CHARACTERS)
    purpose: Field[str] = field(max_length=40)
    account_id: Field[int | None] = field(default=None)
    tenant_id: Field[int | None] = field(default=None)
    created_at: Field[datetime]
    expires_at: Field[datetime]
    uses_left: Field[int] = field(ge=0)


class ThrottleModel(Model, abstract=True):
    """How much of a limit one name or address has used: the moment at which all of it is free again."""

    key: Field[str] = field(primary_key=True, max_length=DIGEST_CHARACTERS)
    free_at: Field[int]  # milliseconds since 1970: it is added to inside SQL, the same on every engine
