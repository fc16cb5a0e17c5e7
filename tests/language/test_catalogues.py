"""Which languages there are, which one a reader gets, and what a catalogue says."""

import subprocess
import sys
from pathlib import Path

import pytest

from veche.language import Catalogues, CatalogueUnreadable

HEAD = """msgid ""
msgstr ""
"Language: ru\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) "
"? 1 : 2);\\n"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ru.po").write_text(
        HEAD
        + """
msgid "Log in"
msgstr "Войти"

msgid "Hello, %(name)s"
msgstr "Здравствуйте, %(name)s"

msgid "%(n)s message"
msgid_plural "%(n)s messages"
msgstr[0] "%(n)s сообщение"
msgstr[1] "%(n)s сообщения"
msgstr[2] "%(n)s сообщений"

#, fuzzy
msgid "Log out"
msgstr "Войти"
""",
        encoding="utf-8",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (("ru",), "ru"),
        (("ru-RU",), "ru"),
        (("RU_ru",), "ru"),
        ((None, "", "de", "ru", "en"), "ru"),  # an account without a setting: what the browser accepts
        (("en", "ru"), "en"),
        (("de",), "en"),
        ((), "en"),
        (("../../etc",), "en"),
    ],
)
def test_the_first_wanted_language_that_there_is_is_chosen(
    folder: Path, wanted: tuple[str | None, ...], chosen: str
) -> None:
    assert Catalogues([folder]).choose(*wanted) == chosen


def test_a_sentence_is_said_in_the_language_and_else_in_english(folder: Path) -> None:
    catalogues = Catalogues([folder])
    russian, english = catalogues.translator("ru"), catalogues.translator("en")
    assert russian.gettext("Log in") == "Войти"
    assert russian.gettext("Hello, %(name)s", name="Аня") == "Здравствуйте, Аня"
    assert english.gettext("Hello, %(name)s", name="Аня") == "Hello, Аня"
    assert russian.gettext("Never translated") == "Never translated"


def test_a_fuzzy_translation_is_not_shown(folder: Path) -> None:
    assert Catalogues([folder]).translator("ru").gettext("Log out") == "Log out"


def test_the_empty_sentence_is_not_the_head_of_the_catalogue(folder: Path) -> None:
    assert Catalogues([folder]).translator("ru").gettext("") == ""


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "0 сообщений"),
        (1, "1 сообщение"),
        (2, "2 сообщения"),
        (4, "4 сообщения"),
        (5, "5 сообщений"),
        (11, "11 сообщений"),
        (12, "12 сообщений"),
        (14, "14 сообщений"),
        (21, "21 сообщение"),
        (22, "22 сообщения"),
        (111, "111 сообщений"),
        (1001, "1001 сообщение"),
    ],
)
def test_russian_has_three_plural_forms(folder: Path, n: int, said: str) -> None:  # CLDR: one, few, many
    assert Catalogues([folder]).translator("ru").ngettext("%(n)s message", "%(n)s messages", n) == said


def test_english_has_two(folder: Path) -> None:
    english = Catalogues([folder]).translator("en")
    said = [english.ngettext("%(n)s message", "%(n)s messages", n) for n in (0, 1, 2)]
    assert said == ["0 messages", "1 message", "2 messages"]


def test_later_folders_win_and_what_veche_says_is_beneath_them(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    later = tmp_path_factory.mktemp("later")
    (later / "ru.po").write_text(HEAD + '\nmsgid "Log in"\nmsgstr "Вход"\n', encoding="utf-8")
    russian = Catalogues([folder, later]).translator("ru")
    assert russian.gettext("Log in") == "Вход"
    assert russian.gettext("Hello, %(name)s", name="Аня") == "Здравствуйте, Аня"
    assert russian.gettext("Fill this in.") == "Заполните это поле."


def test_a_translator_is_made_once(folder: Path) -> None:
    catalogues = Catalogues([folder])
    assert catalogues.translator("ru") is catalogues.translator("ru-RU")


def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "ru.po").write_text("<html>", encoding="utf-8")
    with pytest.raises(CatalogueUnreadable, match=r"ru\.po"):
        Catalogues([tmp_path]).translator("ru")


def test_babel_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, veche.language as l; t = l.Catalogues([]).translator('en'); t.gettext('Log in');"
        "t.ngettext('a', 'b', 2); sys.exit('babel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
