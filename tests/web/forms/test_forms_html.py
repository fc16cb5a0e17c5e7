"""The macros: label, input and error belong together for everyone who reads the page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from veche.changes import cast
from veche.language import Catalogues
from veche.web.forms import Form
from veche.web.templates import Templates

PAGE = """{% import "veche/forms.html" as forms %}
{% call forms.form(form, action="/register") %}
{{ forms.text(form, "name", _("Name"), autocomplete="username", hint="Any script.") }}
{{ forms.password(form, "password", "Password", autocomplete="new-password") }}
{{ forms.textarea(form, "about", "About you") }}
{{ forms.select(form, "language", "Language", [("en", "English"), ("ru", "Русский")], blank="As the browser says") }}
{{ forms.select(form, "interests", "Interests", [("io", "I/O"), ("db", "Databases")], multiple=true) }}
{{ forms.checkbox(form, "letters", "Letters") }}
{{ forms.hidden(form, "seats") }}
{{ forms.submit("Register") }}
{% endcall %}"""


class Registration(msgspec.Struct):
    name: Annotated[str, Meta(min_length=2, max_length=60)]
    password: Annotated[str, Meta(min_length=8)]
    about: Annotated[str, Meta(max_length=2000)] = ""
    language: str | None = None
    interests: list[str] = []
    letters: bool = False
    seats: int = 1


class Elements(HTMLParser):
    """Every element of a page with its attributes; void elements are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _value in attrs}) == len(attrs), f"an attribute stands twice in {tag}"
        self.all.append((tag, dict(attrs)))

    def one(self, **wanted: str) -> dict[str, str | None]:
        found = [attributes for _tag, attributes in self.all if wanted.items() <= attributes.items()]
        assert len(found) == 1, (wanted, found)
        return found[0]


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    return Templates({"site": tmp_path}, Catalogues([]))


def render(templates: Templates, form: Form[Registration], language: str = "en") -> str:
    return str(templates.render_text("site/page.html", language=language, form=form))


WRONG = {"name": ["<"], "password": ["secret"], "about": ["\nLine\n"], "language": ["ru"], "interests": ["io", "db"]}


def sent(data: dict[str, list[str]]) -> Form[Registration]:
    return Form(Registration, "registration", cast(Registration, data))


def test_every_input_has_its_label_and_its_own_id(templates: Templates) -> None:
    elements = Elements(render(templates, Form.empty(Registration)))
    ids = [attributes["id"] for _tag, attributes in elements.all if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes["for"] for tag, attributes in elements.all if tag == "label"}
    shown = {
        attributes["id"]
        for tag, attributes in elements.all
        if tag in ("input", "select", "textarea") and attributes.get("type") != "hidden"
    }
    assert labelled == shown
    assert elements.one(id="registration", action="/register", method="post")


def test_the_rules_of_the_type_stand_in_the_input(templates: Templates) -> None:
    elements = Elements(render(templates, Form.empty(Registration)))
    name = elements.one(id="registration-name")
    assert name == {
        "id": "registration-name",
        "name": "name",
        "type": "text",
        "value": "",
        "required": None,
        "minlength": "2",
        "maxlength": "60",
        "aria-describedby": "registration-name-hint",
        "autocomplete": "username",
    }
    assert elements.one(id="registration-password")["autocomplete"] == "new-password"
    assert "required" not in elements.one(id="registration-about")


def test_an_error_stands_beside_its_input_and_is_announced_with_it(templates: Templates) -> None:
    html = render(templates, sent(WRONG))
    name = Elements(html).one(id="registration-name")
    assert name["aria-invalid"] == "true"
    assert name["aria-describedby"] == "registration-name-error registration-name-hint"
    assert 'id="registration-name-error">At least 2 characters are needed.</p>' in html
    about = Elements(html).one(id="registration-about")
    assert "aria-invalid" not in about
    assert "aria-describedby" not in about


def test_the_summary_leads_to_every_input_that_is_wrong(templates: Templates) -> None:
    html = render(templates, sent(WRONG).with_error("", "invalid"))
    summary = Elements(html).one(role="alert")
    assert summary["id"] == "registration-errors"
    links = re.findall(r'<li>(?:<a href="#([\w-]+)">)?([^<]+)', html)
    assert [target for target, _sentence in links] == ["", "registration-name", "registration-password"]
    assert "Correct 3 errors:" in html
    assert all(": " in sentence for target, sentence in links if target), "each names its input"


def test_a_form_without_errors_has_no_summary(templates: Templates) -> None:
    assert 'role="alert"' not in render(templates, Form.empty(Registration))


def test_what_was_typed_is_kept_and_escaped(templates: Templates) -> None:
    html = render(templates, sent({**WRONG, "name": ['"><script>']}))
    elements = Elements(html)
    assert elements.one(id="registration-name")["value"] == '"><script>'
    assert "<script>" not in html
    assert [
        attributes["value"] for tag, attributes in elements.all if tag == "option" and "selected" in attributes
    ] == [
        "ru",
        "io",
        "db",
    ]


def test_a_text_that_begins_with_an_empty_line_keeps_it(templates: Templates) -> None:  # HTML §13.1.2.5
    assert ">\n\nLine\n</textarea>" in render(templates, sent(WRONG))


def test_a_password_is_never_shown_again(templates: Templates) -> None:
    html = render(templates, sent(WRONG))
    assert "secret" not in html
    assert "value" not in Elements(html).one(id="registration-password")


def test_a_ticked_box_is_shown_ticked(templates: Templates) -> None:
    assert "checked" in Elements(render(templates, sent({"letters": ["on"]}))).one(id="registration-letters")
    assert "checked" not in Elements(render(templates, sent({"name": ["Anna"]}))).one(id="registration-letters")


def test_errors_are_said_in_the_reader_s_language(templates: Templates) -> None:
    html = render(templates, sent(WRONG), language="ru")
    assert "Нужно как минимум 2 символа." in html
    assert "Исправьте 2 ошибки:" in html
