"""Which characters a name may not hold, each of them named.

One job: text in, the refused characters out, described so that a person can find and delete them.
Must not know: forms, languages, accounts. Lengths and scripts are account_names.py's.
"""

import unicodedata
from enum import Enum
from typing import Final

LETTERS: Final = frozenset({"Lu", "Ll", "Lt", "Lo", "Lm"})
MARKS: Final = frozenset({"Mn", "Mc"})
INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
MARKS_IN_A_ROW: Final = 4  # Tibetan and Vietnamese need three; a tower of marks is drawn over other people's lines
# Letters and marks that draw nothing (Unicode's Default_Ignorable_Code_Point): a name of them would look empty.
DRAW_NOTHING: Final = frozenset(
    chr(number)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for number in range(first, last + 1)
)
NAMES_OF_CONTROLS: Final = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\0": "NULL", "\x1b": "ESCAPE"}


class NameKind(Enum):
    """What may stand in a name beside letters and their marks."""

    ACCOUNT = "account"
    PERSON = "person"


ALSO_ALLOWED: Final = {
    # RFC 8265 allows all of ASCII's punctuation; "@" and "/" would break mentions and addresses.
    NameKind.ACCOUNT: frozenset("._-"),
    # Space, hyphens, apostrophes (typewriter, typographic, modifier letter), full stop and the Catalan middle dot.
    NameKind.PERSON: frozenset(" -\u2010\u2011'\u2019\u02bc.\u00b7"),
}


def forbidden_characters(text: str, kind: NameKind) -> list[str]:
    """Return what must not be in the text, each once, in the order met; an empty list means that all may stay.

    A visible character is given as itself ("@"), an invisible one by its number and Unicode name
    ("U+202E RIGHT-TO-LEFT OVERRIDE"), because a message that shows it would show nothing, or turn itself around.
    """
    refused: dict[str, None] = {}
    marks = MARKS_IN_A_ROW  # a mark that comes first would sit on whatever the page shows before the name
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in MARKS else 0
        if not _allowed(character, category, kind) or marks > MARKS_IN_A_ROW:
            refused[describe_character(character)] = None
    return list(refused)


def list_characters(characters: list[str]) -> str:
    """Return what forbidden_characters found as one text for a message: “@”, “/”, U+202E RIGHT-TO-LEFT OVERRIDE."""
    return ", ".join(f"“{text}”" if len(text) == 1 else text for text in characters)


def describe_character(character: str) -> str:
    """Return the character itself where it can be seen, otherwise "U+0009 TAB"."""
    category = unicodedata.category(character)
    if category not in INVISIBLE and category not in MARKS and character not in DRAW_NOTHING:
        return character
    name = NAMES_OF_CONTROLS.get(character) or unicodedata.name(character, "CONTROL" if category == "Cc" else "UNNAMED")
    return f"U+{ord(character):04X} {name}"


def _allowed(character: str, category: str, kind: NameKind) -> bool:
    if character in DRAW_NOTHING:
        return False
    if category in LETTERS or category in MARKS or character in ALSO_ALLOWED[kind]:
        return True
    return kind is NameKind.ACCOUNT and category == "Nd"
