"""A constraint that the database refused, as an error beside a field.

One job: constraint name → field and code.
Must not know: which database, which exception. The caller has the name.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from veche.changes.cast import Changes
from veche.changes.errors import ChangesError

T = TypeVar("T", bound=msgspec.Struct)


class UnmappedConstraint(ChangesError):
    """The database refused a constraint that the form has no sentence for: a mistake of the program."""


def with_constraint(changes: Changes[T], violated_name: str, mapping: Mapping[str, tuple[str, str]]) -> Changes[T]:
    """Return changes with the error that mapping gives for the violated constraint.

    mapping: constraint name → (field, code), such as {"account_name_unique": ("name", "taken")}.
    Raises UnmappedConstraint when the name is not in it: showing nothing would lose the input silently.
    """
    if violated_name not in mapping:
        known = ", ".join(sorted(mapping)) or "none"
        raise UnmappedConstraint(
            f"constraint {violated_name!r} was violated; this form maps {known}; add it, or check the input before"
        )
    field, code = mapping[violated_name]
    return changes.with_error(field, code)
