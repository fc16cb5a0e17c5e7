"""Sentences in the sources against a catalogue: missing, stale, wrong."""

from pathlib import Path

import pytest

import veche
from veche.language import OWN_FOLDER
from veche.language.__main__ import main
from veche.language.extraction import extract, inspect_catalogue

ROOM = Path(veche.__file__).parent
SAID_IN_PYTHON = """
from veche.changes import N_, NN_
TITLE = N_("Later")
LEFT = NN_("%(n)s day", "%(n)s days", "n")
def page(translator, count):
    return translator.gettext("Hello, %(name)s", name="A") + translator.ngettext("%(n)s seat", "%(n)s seats", count)
"""
SAID_IN_TEMPLATE = """<p>{{ _("Log in") }}</p>
{% trans count=posts|length %}{{ count }} post{% pluralize %}{{ count }} posts{% endtrans %}
<a title="{{ _('Leave') }}">{{ ngettext("%(n)s course", "%(n)s courses", 3) }}</a>"""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "templates").mkdir(parents=True)
    (folder / "pages.py").write_text(SAID_IN_PYTHON, encoding="utf-8")
    (folder / "templates" / "page.html").write_text(SAID_IN_TEMPLATE, encoding="utf-8")
    return folder


def test_sentences_are_found_in_python_and_in_templates(sources: Path) -> None:
    said = {message.id: message.locations[0] for message in extract([sources]) if message.id}
    assert set(said) == {
        "Later",
        ("%(n)s day", "%(n)s days"),
        "Hello, %(name)s",
        ("%(n)s seat", "%(n)s seats"),
        "Log in",
        ("%(count)s post", "%(count)s posts"),
        "Leave",
        ("%(n)s course", "%(n)s courses"),
    }
    assert said["Log in"] == ("site/templates/page.html", 1)


def test_a_template_that_cannot_be_read_fails(sources: Path) -> None:
    (sources / "templates" / "broken.html").write_text("{% if %}", encoding="utf-8")
    with pytest.raises(Exception, match="Expected an expression"):
        extract([sources])


def test_the_command_takes_up_names_and_drops(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = tmp_path / "ru.po"
    assert main(["update", str(catalogue), str(sources)]) == 1
    assert "not translated: site/templates/page.html:1: 'Log in'" in capsys.readouterr().out
    text = catalogue.read_text(encoding="utf-8")
    assert "nplurals=3" in text
    for singular in ("Later", "Leave", "Log in", "Hello, %(name)s"):
        text = text.replace(f'msgid "{singular}"\nmsgstr ""', f'msgid "{singular}"\nmsgstr "да"')
    for form in range(3):
        text = text.replace(f'msgstr[{form}] ""', f'msgstr[{form}] "форма"')
    catalogue.write_text(text, encoding="utf-8")
    assert main(["check", str(catalogue), str(sources)]) == 0
    (sources / "pages.py").write_text("", encoding="utf-8")
    assert main(["check", str(catalogue), str(sources)]) == 1
    assert "no longer said: 'Later'" in capsys.readouterr().out
    assert main(["update", str(catalogue), str(sources)]) == 0
    assert "Later" not in catalogue.read_text(encoding="utf-8")


def test_a_translation_with_a_parameter_of_its_own_is_wrong(sources: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "ru.po"
    main(["update", str(catalogue), str(sources)])
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(
        text.replace('msgid "Hello, %(name)s"\nmsgstr ""', 'msgid "Hello, %(name)s"\nmsgstr "Привет, %(nmae)s"'),
        encoding="utf-8",
    )
    assert "no parameter ['nmae']" in str(inspect_catalogue(catalogue, extract([sources])))


def test_all_that_veche_says_is_said_in_russian() -> None:
    findings = inspect_catalogue(OWN_FOLDER / "ru.po", extract([ROOM]))
    assert findings.is_complete, str(findings)
