"""The sentence of every error code, as a gettext msgid with named parameters.

One job: code → msgid. The languages come from the catalogues; English is the msgid itself.
Must not know: who shows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from veche.changes.errors import FieldError


class Sentences(Protocol):
    """What can say a msgid in a reader's language; veche.language.Translator can."""

    def gettext(self, msgid: str, /, **named: object) -> str: ...

    def ngettext(self, singular: str, plural: str, n: int, /, **named: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence; counted names the parameter whose number decides between singular and plural."""

    singular: str
    plural: str = ""
    counted: str = ""


def N_(msgid: str) -> str:  # noqa: N802  # gettext's own name for "extract this, translate it later"
    return msgid


def NN_(singular: str, plural: str, counted: str) -> Message:  # noqa: N802  # the same, with a plural
    return Message(singular, plural, counted)


MESSAGES: Final[Mapping[str, Message]] = {
    "required": Message(N_("Fill this in.")),
    "null": Message(N_("This cannot be null.")),
    "unknown": Message(N_("There is no such field here.")),
    "invalid": Message(N_("This cannot be accepted.")),
    "text": Message(N_("Text is expected here.")),
    "too_short": NN_("At least %(min)s character is needed.", "At least %(min)s characters are needed.", "min"),
    "too_long": NN_("At most %(max)s character fits.", "At most %(max)s characters fit.", "max"),
    "format": Message(N_("This does not have the form that is expected here.")),
    "forbidden_characters": Message(N_("These characters are not allowed here: %(characters)s.")),
    "number": Message(N_("A number is expected here.")),
    "whole_number": Message(N_("A whole number is expected here.")),
    "too_small": Message(N_("%(min)s is the least that is allowed.")),
    "too_large": Message(N_("%(max)s is the most that is allowed.")),
    "not_above": Message(N_("This must be more than %(limit)s.")),
    "not_below": Message(N_("This must be less than %(limit)s.")),
    "step": Message(N_("This must be a multiple of %(of)s.")),
    "bool": Message(N_("Yes or no is expected here.")),
    "date": Message(N_("A date is expected here, such as 2026-11-30.")),
    "datetime": Message(N_("A date and a time are expected here, such as 2026-11-30 18:00.")),
    "time": Message(N_("A time of day is expected here, such as 18:00.")),
    "duration": Message(N_("A duration is expected here, such as PT45M.")),
    "identifier": Message(N_("This is not an identifier.")),
    "choice": Message(N_("Choose one of these: %(of)s.")),
    "list": Message(N_("A list is expected here.")),
    "too_few": Message(N_("Choose at least %(min)s.")),
    "too_many": Message(N_("Choose at most %(max)s.")),
    "object": Message(N_("An object with named fields is expected here.")),
    "taken": Message(N_("This is already taken.")),
    "mismatch": Message(N_("The two do not match.")),
    "missing_reference": Message(N_("What this refers to does not exist.")),
}


def sentence(error: FieldError, sentences: Sentences, more: Mapping[str, Message] | None = None) -> str:
    """Return the sentence of an error in the language of sentences.

    more: the codes an application adds; they win over the common ones. A code in neither table is shown as it is.
    """
    message = (more or {}).get(error.code) or MESSAGES.get(error.code)
    if message is None:
        return error.code
    if message.plural:
        count = int(error.parameters[message.counted])
        return sentences.ngettext(message.singular, message.plural, count, **error.parameters)
    return sentences.gettext(message.singular, **error.parameters)
