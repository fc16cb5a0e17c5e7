"""First and last names of people: any script, and nothing that is not a name.

One job: text in, the tidied name out. Must not know: accounts, forms.
"""

import unicodedata
from typing import Final

from veche.identity.characters import LETTERS, NameKind, forbidden_characters, list_characters
from veche.identity.errors import NameRefused

MAX_CHARACTERS: Final = 80


def parse_person_name(text: str) -> str:
    """Return the name in NFC, without spaces around it and with single ones inside.

    People's names hold letters of any script, marks, spaces, hyphens, apostrophes and dots, in any mixture: it is not
    ours to say what a name looks like. Raises NameRefused: required, forbidden_characters{characters},
    too_long{max}, or format when there is no letter at all.
    """
    name = unicodedata.normalize("NFC", text.strip(" "))
    if not name:
        raise NameRefused("required")
    if characters := forbidden_characters(name, NameKind.PERSON):
        raise NameRefused("forbidden_characters", characters=list_characters(characters))
    name = " ".join(name.split())
    if len(name) > MAX_CHARACTERS:
        raise NameRefused("too_long", max=MAX_CHARACTERS)
    if not any(unicodedata.category(character) in LETTERS for character in name):
        raise NameRefused("format")
    return name
