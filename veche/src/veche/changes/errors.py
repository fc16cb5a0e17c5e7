"""What is wrong with one input: a field, a code, and the numbers that the sentence needs.

One job: the value that every layer hands up instead of a sentence.
Must not know: languages, forms, HTTP. The sentence of a code stands in messages.py.
"""

from collections.abc import Mapping

import msgspec


class ChangesError(Exception):
    """The base of what this package raises; all of it is a mistake of the program, never of the input."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with one input.

    field: the input's name; "" is the whole form; items and nested names are dotted: "lessons.0.title".
    code: a key of messages.MESSAGES; parameters: the values its sentence names.
    """

    field: str
    code: str
    parameters: Mapping[str, str | int | float] = msgspec.field(default_factory=dict)
