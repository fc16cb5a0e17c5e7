"""People's names: any script; what is not a name is refused and named."""

import pytest

from veche.identity.characters import list_characters
from veche.identity.errors import NameRefused
from veche.identity.person_names import MAX_CHARACTERS, parse_person_name


@pytest.mark.parametrize(
    "name",
    ["Иван", "Анна-Мария", "Jean-Luc", "O'Neil", "O’Neil", "J. R. R.", "de la Cruz", "José", "李小龍", "محمد علي",
     "हिन्दी", "Nguyễn", "Aдмин", "Gal·la", "X"],
)  # fmt: skip
def test_names_of_people_in_any_script_are_kept_as_they_are(name: str) -> None:
    assert parse_person_name(name) == name


def test_spaces_are_tidied_and_the_text_is_nfc() -> None:
    assert parse_person_name("  Анна   Мария ") == "Анна Мария"
    assert parse_person_name("И\u0306од") == "Йод"


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("Иван1", ["1"]),
        ("<script>", ["<", ">"]),
        ("Иван\nПетров", ["U+000A LINE FEED"]),
        ("Иван\u202e", ["U+202E RIGHT-TO-LEFT OVERRIDE"]),
        ("Ив@н 😀", ["@", "😀"]),
        ("\u3164\u3164", ["U+3164 HANGUL FILLER"]),
        ("\u0301Иван", ["U+0301 COMBINING ACUTE ACCENT"]),
        ("И" + "\u0335" * 9, ["U+0335 COMBINING SHORT STROKE OVERLAY"]),
        ("a\u2028b", ["U+2028 LINE SEPARATOR"]),
        ("\ud800", ["U+D800 UNNAMED"]),
    ],
)
def test_what_no_name_holds_is_refused_and_named(text: str, characters: list[str]) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_person_name(text)
    assert caught.value.code == "forbidden_characters"
    assert caught.value.parameters == {"characters": list_characters(characters)}


@pytest.mark.parametrize(("text", "code"), [("", "required"), ("   ", "required"), ("-.'", "format")])
def test_a_name_without_a_letter_is_refused(text: str, code: str) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_person_name(text)
    assert caught.value.code == code


def test_a_name_holds_80_characters_and_not_81() -> None:
    assert parse_person_name("я" * MAX_CHARACTERS)
    with pytest.raises(NameRefused):
        parse_person_name("я" * (MAX_CHARACTERS + 1))
