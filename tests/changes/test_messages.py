"""Every code has a sentence, and every sentence gets the parameters that it names."""

import re

import pytest

from veche.changes import MESSAGES, FieldError, Message, sentence

PARAMETERS: dict[str, str | int | float] = {
    "min": 2,
    "max": 2,
    "limit": 2,
    "of": "a, b",
    "characters": "“<”",
    "pattern": "^a",
}


class English:
    def gettext(self, msgid: str, /, **named: object) -> str:
        return msgid % named

    def ngettext(self, singular: str, plural: str, n: int, /, **named: object) -> str:
        return (singular if n == 1 else plural) % named


@pytest.mark.parametrize("code", MESSAGES)
def test_every_code_has_a_sentence(code: str) -> None:
    said = sentence(FieldError("name", code, PARAMETERS), English())
    assert said.endswith(".")
    assert not re.search(r"%\(", said)


def test_a_count_decides_between_singular_and_plural() -> None:
    assert sentence(FieldError("name", "too_short", {"min": 1}), English()) == "At least 1 character is needed."
    assert sentence(FieldError("name", "too_short", {"min": 3}), English()) == "At least 3 characters are needed."


def test_an_application_adds_its_own_codes() -> None:
    more = {"suspended": Message("This account is suspended.")}
    assert sentence(FieldError("", "suspended"), English(), more) == "This account is suspended."


def test_a_code_without_a_sentence_is_shown_rather_than_hidden() -> None:
    assert sentence(FieldError("", "odd"), English()) == "odd"
