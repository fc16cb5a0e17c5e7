"""What every feature stands on: the MetaData, communities, and who belongs to one.

One job: the tables that all features refer to. Must not know: any feature.

Scopes (docs/data-model.md): a tenant table has community_id first in its primary key and in every UNIQUE; a reference
table is small and rarely written; a local table is neither, and nothing in a tenant table has a foreign key to it.
"""

from datetime import datetime
from enum import Enum
from typing import Final

import sqlalchemy as sa

from campus.settings import Language, Registration
from veche.data import Field, ForeignKey, Index, Model, field

METADATA: Final = sa.MetaData()
DEFAULT_COMMUNITY_ID: Final = 1
MAX_ABOUT: Final = 4000


class Role(Enum):
    """What a member may do; an administrator may do everything, teachers and moderators each their own part."""

    MEMBER = "member"
    TEACHER = "teacher"
    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"


class CampusModel(Model, abstract=True, metadata=METADATA):
    """The base of every table of the site."""


class Community(CampusModel, table="community", scope="reference"):
    """One learning community, and how one gets into it."""

    id: Field[int] = field(primary_key=True)
    name: Field[str] = field(min_length=1, max_length=120)
    registration: Field[Registration]
    created_at: Field[datetime]


class Membership(
    CampusModel,
    table="membership",
    scope="tenant",
    constraints=(
        ForeignKey(("community_id",), "community", on_delete="CASCADE"),
        Index("community_id", "searched_name", "account_id", name="ix_membership_searched_name"),
    ),
):
    """One account in one community: its name here, its role, its profile.

    The names stand here and not on the account, so that a page of messages finds its authors without
    leaving the tenant's tables. `account_id` has no foreign key: on a sharded database a tenant's row cannot refer to a
    local one; the action that makes an account makes its membership in the same unit of work.
    searched_name: "first last account-name", case-folded: people are listed in its order and found by its words.
    language: what the member chose; None leaves it to the browser.
    revision: raised with the role and the suspension: the version of the topic "account:ID", by which live pages drop
    rights that were revoked.
    """

    community_id: Field[int] = field(primary_key=True)
    account_id: Field[int] = field(primary_key=True)
    account_name: Field[str] = field(max_length=40)
    first_name: Field[str] = field(min_length=1, max_length=80)
    last_name: Field[str] = field(max_length=80)
    searched_name: Field[str]
    role: Field[Role] = field(default=Role.MEMBER)
    about: Field[str] = field(default="", max_length=MAX_ABOUT)
    language: Field[Language | None] = field(default=None)
    joined_at: Field[datetime]
    suspended_at: Field[datetime | None] = field(default=None)
    revision: Field[int] = field(default=0)

    @property
    def shown_name(self) -> str:
        """The name as other people see it."""
        return f"{self.first_name} {self.last_name}".strip()


def searched_name(first_name: str, last_name: str, account_name: str) -> str:
    """Return what Membership.searched_name holds."""
    return " ".join(f"{first_name} {last_name} {account_name}".casefold().split())
