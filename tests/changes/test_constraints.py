"""A constraint the database refused comes back beside its field."""

import msgspec
import pytest

from veche.changes import FieldError, UnmappedConstraint, cast, with_constraint


class Account(msgspec.Struct):
    name: str


MAPPING = {"account_name_unique": ("name", "taken")}


def test_a_violated_constraint_is_an_error_of_its_field() -> None:
    changes = with_constraint(cast(Account, {"name": "anna"}), "account_name_unique", MAPPING)
    assert changes.errors == (FieldError("name", "taken"),)
    assert changes.value is None
    assert changes.raw == {"name": "anna"}


def test_a_constraint_without_a_sentence_is_loud() -> None:
    with pytest.raises(UnmappedConstraint, match=r"thread_fk.*maps account_name_unique"):
        with_constraint(cast(Account, {"name": "anna"}), "thread_fk", MAPPING)
