"""Account names: RFC 8265, one script, and the two forms that must be unique."""

import pytest

from veche.identity.account_names import MAX_CHARACTERS, parse_account_name
from veche.identity.characters import list_characters
from veche.identity.errors import NameRefused


@pytest.mark.parametrize(
    "text", ["Иван", "ivan.petrov", "Мария_7", "José", "日本ひらカナ", "한국", "हिन्दी", "محمد", "Θάλεια", "x-1"]
)
def test_a_word_in_one_script_is_an_account_name(text: str) -> None:
    assert parse_account_name(text).shown == text


def test_the_shown_form_keeps_the_case_and_the_canonical_form_does_not() -> None:  # RFC 8265 §3.3, §3.4
    name = parse_account_name("ИванПетров")
    assert (name.shown, name.canonical) == ("ИванПетров", "иванпетров")
    assert parse_account_name("ИВАНПЕТРОВ").canonical == name.canonical


def test_full_width_and_decomposed_letters_become_the_usual_ones() -> None:  # RFC 8265 §3.3.1 width, normalisation
    assert parse_account_name("ＩＶＡＮ").canonical == "ivan"
    assert parse_account_name("и\u0306од").shown == "йод"


@pytest.mark.parametrize("text", ["Aдмин", "аdmin", "раypal", "Ivanов", "аλфа", "admin\u0663"])
def test_letters_of_two_scripts_in_one_name_are_refused(text: str) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_account_name(text)
    assert caught.value.code == "mixed_scripts"
    assert len(str(caught.value.parameters["scripts"]).split(", ")) == 2


@pytest.mark.parametrize(
    ("one", "other"), [("cop", "сор"), ("BOBA", "ВОВА"), ("ivan", "IVAN"), ("toxa", "тоха"), ("kot", "кот")]
)
def test_two_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert parse_account_name(one).skeleton == parse_account_name(other).skeleton


def test_names_that_differ_to_the_eye_have_different_skeletons() -> None:
    names = ["иван", "ivan", "май", "маи", "jose", "josé", "petr", "pëtr"]
    assert len({parse_account_name(name).skeleton for name in names}) == len(names)


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("iv@n", ["@"]),
        ("ivan/petrov", ["/"]),
        ("ivan petrov", ["U+0020 SPACE"]),
        ("ivan\u202epetrov", ["U+202E RIGHT-TO-LEFT OVERRIDE"]),
        ("ivan\u200b", ["U+200B ZERO WIDTH SPACE"]),
        ("a\u200d\u200cb", ["U+200D ZERO WIDTH JOINER", "U+200C ZERO WIDTH NON-JOINER"]),
        ("iv\x00an", ["U+0000 NULL"]),
        ("iv\tan", ["U+0009 TAB"]),
        ("иван😀😀<b>", ["😀", "<", ">"]),
        ("a\u3164b", ["U+1160 HANGUL JUNGSEONG FILLER"]),
    ],
)
def test_forbidden_characters_are_named_each_once(text: str, characters: list[str]) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_account_name(text)
    assert caught.value.code == "forbidden_characters"
    assert caught.value.parameters == {"characters": list_characters(characters)}


def test_a_message_lists_them_in_quotes_where_they_can_be_seen() -> None:
    assert list_characters(["@", ",", "U+0009 TAB"]) == "“@”, “,”, U+0009 TAB"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("и", "too_short"),
        ("", "too_short"),
        ("и" * (MAX_CHARACTERS + 1), "too_long"),
        (".ivan", "punctuation"),
        ("ivan-", "punctuation"),
        ("iv..an", "punctuation"),
        ("1\u0627", "format"),
    ],
)
def test_a_name_of_the_wrong_shape_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(NameRefused) as caught:
        parse_account_name(text)
    assert caught.value.code == code


def test_the_longest_name_is_allowed() -> None:
    assert parse_account_name("и" * MAX_CHARACTERS).shown == "и" * MAX_CHARACTERS
