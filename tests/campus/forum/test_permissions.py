"""Who may do what: every role with every deed, in every state of the thread (the table of the feature's README)."""

from datetime import UTC, datetime
from typing import Final

import pytest

from campus.accounts.viewer import Member, Viewer
from campus.forum.errors import LoginNeeded, MessageRemoved, NotPermitted, ThreadLocked
from campus.forum.model import Message, Thread
from campus.forum.permissions import Deed, Verdict, require, verdict
from campus.model import Role
from veche.data import NotFound

NOW: Final = datetime(2026, 1, 31, tzinfo=UTC)
AUTHOR: Final = 7
VIEWERS: Final = {
    "stranger": Viewer(1),  # a suspended member is one, too
    "member": Member(1, account_id=1),
    "author": Member(1, account_id=AUTHOR),
    "teacher": Member(1, account_id=2, role=Role.TEACHER),
    "moderator": Member(1, account_id=3, role=Role.MODERATOR),
    "administrator": Member(1, account_id=4, role=Role.ADMINISTRATOR),
}
YES, LOG_IN, NO, LOCKED, UNSEEN, GONE = (
    Verdict.YES,
    Verdict.LOG_IN,
    Verdict.NO,
    Verdict.LOCKED,
    Verdict.UNSEEN,
    Verdict.GONE,
)
# stranger, member, author, teacher, moderator, administrator
OPEN: Final = {
    Deed.READ: (YES, YES, YES, YES, YES, YES),
    Deed.START: (LOG_IN, YES, YES, YES, YES, YES),
    Deed.WRITE: (LOG_IN, YES, YES, YES, YES, YES),
    Deed.EDIT: (LOG_IN, NO, YES, NO, NO, NO),
    Deed.REMOVE: (LOG_IN, NO, YES, NO, YES, YES),
    Deed.RENAME: (LOG_IN, NO, YES, NO, YES, YES),
    Deed.MODERATE: (LOG_IN, NO, NO, NO, YES, YES),
}
LOCKED_ONE: Final = {
    **OPEN,
    Deed.WRITE: (LOG_IN, LOCKED, LOCKED, LOCKED, YES, YES),
    Deed.EDIT: (LOG_IN, NO, LOCKED, NO, NO, NO),
    Deed.REMOVE: (LOG_IN, NO, LOCKED, NO, YES, YES),
    Deed.RENAME: (LOG_IN, NO, LOCKED, NO, YES, YES),
}
HIDDEN_ONE: Final = {deed: (UNSEEN, UNSEEN, UNSEEN, UNSEEN, *row[4:]) for deed, row in OPEN.items()}
TABLES: Final = {"open": OPEN, "locked": LOCKED_ONE, "hidden": HIDDEN_ONE}
CASES: Final = [
    (state, deed, role, expected)
    for state, table in TABLES.items()
    for deed, row in table.items()
    for role, expected in zip(VIEWERS, row, strict=True)
]


def thread(*, locked: bool = False, hidden: bool = False) -> Thread:
    return Thread(
        community_id=1,
        id=1,
        number=1,
        category_id=1,
        title="Bread",
        author_id=AUTHOR,
        created_at=NOW,
        last_message_at=NOW,
        locked=locked,
        hidden=hidden,
    )


def message(*, removed: bool = False, hidden: bool = False) -> Message:
    return Message(
        community_id=1,
        thread_id=1,
        number=1,
        id=1,
        author_id=AUTHOR,
        text="Flour",
        created_at=NOW,
        removed_at=NOW if removed else None,
        hidden=hidden,
    )


@pytest.mark.parametrize(("state", "deed", "role", "expected"), CASES)
def test_the_table(state: str, deed: Deed, role: str, expected: Verdict) -> None:
    one = thread(locked=state == "locked", hidden=state == "hidden")
    assert verdict(VIEWERS[role], deed, one, message()) is expected


@pytest.mark.parametrize("role", VIEWERS)
@pytest.mark.parametrize("deed", [Deed.EDIT, Deed.REMOVE])
def test_nothing_is_done_to_a_removed_message(deed: Deed, role: str) -> None:
    expected = Verdict.LOG_IN if role == "stranger" else Verdict.GONE
    assert verdict(VIEWERS[role], deed, thread(), message(removed=True)) is expected


def test_an_author_does_not_rewrite_what_a_moderator_has_hidden() -> None:
    assert verdict(VIEWERS["author"], Deed.EDIT, thread(), message(hidden=True)) is Verdict.NO


@pytest.mark.parametrize(
    ("viewer", "deed", "one", "error"),
    [
        ("stranger", Deed.WRITE, thread(), LoginNeeded),
        ("member", Deed.MODERATE, thread(), NotPermitted),
        ("member", Deed.WRITE, thread(locked=True), ThreadLocked),
        ("member", Deed.READ, thread(hidden=True), NotFound),
    ],
)
def test_each_refusal_is_an_error_of_its_own(viewer: str, deed: Deed, one: Thread, error: type[Exception]) -> None:
    with pytest.raises(error):
        require(VIEWERS[viewer], deed, one)
    require(VIEWERS["moderator"], deed, one)


def test_a_removed_message_is_refused_with_an_error_of_its_own() -> None:
    with pytest.raises(MessageRemoved):
        require(VIEWERS["author"], Deed.EDIT, thread(), message(removed=True))
