"""Templates: escaping, loud mistakes, and the reader's language in every corner."""

import asyncio
import datetime
from collections.abc import Mapping
from pathlib import Path

import httpx
import jinja2
import pytest
from markupsafe import Markup

from veche.changes import Message
from veche.language import Catalogues
from veche.web import Application, Request, Response, Route, WrongConfiguration
from veche.web.templates import Templates

NOW = datetime.datetime(2026, 11, 30, 18, 5, tzinfo=datetime.UTC)
CATALOGUE = """msgid ""
msgstr ""
"Language: ru\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) "
"? 1 : 2);\\n"

msgid "Hello, %(name)s"
msgstr "Здравствуйте, <b>%(name)s</b>"

msgid "%(count)s post"
msgid_plural "%(count)s posts"
msgstr[0] "%(count)s запись"
msgstr[1] "%(count)s записи"
msgstr[2] "%(count)s записей"

msgid "50%% done by %(who)s"
msgstr "%(who)s: готово 50%%"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ru.po").write_text(CATALOGUE, encoding="utf-8")
    return tmp_path


def write(folder: Path, source: str, name: str = "page.html") -> None:
    (folder / name).write_text(source, encoding="utf-8")


def templates_of(folder: Path, **further: object) -> Templates:
    return Templates({"site": folder}, Catalogues([folder]), clock=lambda: NOW, **further)  # type: ignore[arg-type]  # a test's options


def shown(folder: Path, source: str, language: str = "ru", **context: object) -> str:
    write(folder, source)
    text = templates_of(folder).render_text("site/page.html", language=language, **context)
    return str(text).replace("\xa0", " ").replace("\u202f", " ")


def get(templates: Templates, headers: Mapping[str, str] | None = None, language: str | None = None) -> httpx.Response:
    async def page(request: Request) -> Response:
        if language is not None:
            request.state.language = language
        request.state.csp_nonce = "n0nce"
        return templates.render(request, "site/page.html", status_code=203, headers={"x-more": "1"}, name="<Anna>")

    application = Application([Route("/threads/{number:int}", thread, name="thread"), Route("/", page)])

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://site") as client:
            return await client.get("/", headers=headers)

    return asyncio.run(run())


async def thread(request: Request, number: int) -> Response:
    raise NotImplementedError


def test_everything_is_escaped_whatever_the_file_is_called(folder: Path) -> None:
    write(folder, "{{ name }}", "page.txt")
    assert templates_of(folder).render_text("site/page.txt", language="en", name="<b>") == Markup("&lt;b&gt;")


def test_an_unknown_name_is_an_error_and_not_nothing(folder: Path) -> None:
    with pytest.raises(jinja2.UndefinedError, match="nmae"):
        shown(folder, "{{ nmae }}")


def test_a_template_is_found_by_the_folder_of_its_feature(folder: Path) -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        templates_of(folder).render_text("page.html", language="en")
    write(folder.parent, "secret", "outside.html")
    with pytest.raises(jinja2.TemplateNotFound):
        templates_of(folder).render_text("site/../outside.html", language="en")


def test_a_sentence_may_hold_html_and_what_is_put_into_it_may_not(folder: Path) -> None:
    source = '{{ _("Hello, %(name)s", name=name) }}'
    assert shown(folder, source, name="<i>") == "Здравствуйте, <b>&lt;i&gt;</b>"
    assert shown(folder, "{% trans %}Hello, {{ name }}{% endtrans %}", name="<i>") == "Здравствуйте, <b>&lt;i&gt;</b>"


@pytest.mark.parametrize(("count", "text"), [(1, "1 запись"), (3, "3 записи"), (11, "11 записей")])
def test_plurals_in_both_spellings(folder: Path, count: int, text: str) -> None:
    block = "{% trans count=n %}{{ count }} post{% pluralize %}{{ count }} posts{% endtrans %}"
    call = '{{ ngettext("%(count)s post", "%(count)s posts", n, count=n) }}'
    assert shown(folder, block, n=count) == text
    assert shown(folder, call, n=count) == text


def test_a_per_cent_sign_in_a_sentence(folder: Path) -> None:
    assert shown(folder, "{% trans %}50% done by {{ who }}{% endtrans %}", who="Аня") == "Аня: готово 50%"
    assert shown(folder, "{% trans %}50% done by {{ who }}{% endtrans %}", "en", who="Аня") == "50% done by Аня"


def test_macros_speak_the_reader_s_language_too(folder: Path) -> None:
    write(folder, '{% macro hello(name) %}{{ _("Hello, %(name)s", name=name) }}{% endmacro %}', "macros.html")
    source = '{% from "site/macros.html" import hello %}{{ hello("Аня") }}'
    assert shown(folder, source) == "Здравствуйте, <b>Аня</b>"


def test_dates_and_numbers_are_machine_readable_and_human(folder: Path) -> None:
    earlier = NOW - datetime.timedelta(minutes=5)
    assert shown(folder, "{{ n | number }} {{ s | percent }}", n=1234.5, s=0.25) == "1 234,5 25 %"
    assert shown(folder, "{{ d | date }}", d=NOW) == '<time datetime="2026-11-30">30 ноября 2026 г.</time>'
    moment = shown(folder, "{{ m | moment }}", m=NOW.replace(tzinfo=None))
    assert moment.startswith('<time datetime="2026-11-30T18:05:00+00:00">30 ')
    ago = shown(folder, "{{ m | ago }}", m=earlier)
    assert ago.endswith(">5 минут назад</time>")
    assert 'title="30 ' in ago


def test_a_constant_is_not_formatted_once_for_all_languages(folder: Path) -> None:
    write(folder, "{{ 1234.5 | number }}")
    templates = templates_of(folder)
    assert templates.render_text("site/page.html", language="en") == "1,234.5"
    assert "234,5" in templates.render_text("site/page.html", language="ru")


def test_an_answer_says_its_language_and_keeps_what_was_asked(folder: Path) -> None:
    write(folder, '<html lang="{{ language() }}">{{ name }} {{ csp_nonce() }} {{ url_for("thread", number=5) }}')
    answer = get(templates_of(folder), {"accept-language": "de, ru-RU;q=0.9, en;q=0.1"})
    assert answer.status_code == 203
    assert answer.text == '<html lang="ru">&lt;Anna&gt; n0nce /threads/5'
    assert answer.headers["content-language"] == "ru"
    assert answer.headers["vary"] == "Accept-Language, Cookie"
    assert answer.headers["x-more"] == "1"


@pytest.mark.parametrize(
    ("setting", "accepted", "language"),
    [("en", "ru", "en"), (None, "ru", "ru"), (None, "de", "en"), ("de", "ru", "ru")],
)
def test_the_account_s_setting_comes_before_what_the_browser_accepts(
    folder: Path, setting: str | None, accepted: str, language: str
) -> None:
    write(folder, "{{ language() }}")
    assert get(templates_of(folder), {"accept-language": accepted}, setting).text == language


def test_a_fragment_has_no_token_no_nonce_and_its_own_addresses(folder: Path) -> None:
    write(folder, '{{ csrf_field() }}{{ csp_nonce() }}{{ url_for("thread", number=5) }}')
    with pytest.raises(WrongConfiguration, match="thread"):
        templates_of(folder).render_text("site/page.html", language="en")
    templates = templates_of(folder, url_for=lambda name, /, **parameters: f"/{name}/{parameters['number']}")
    assert templates.render_text("site/page.html", language="en") == "/thread/5"


def test_a_site_adds_names_and_error_codes(folder: Path) -> None:
    from veche.changes import FieldError

    write(folder, "{{ site_name }}: {{ error_sentence(error) }}")
    templates = templates_of(folder, names={"site_name": "Campus"}, messages={"suspended": Message("Suspended.")})
    text = templates.render_text("site/page.html", language="en", error=FieldError("", "suspended"))
    assert text == "Campus: Suspended."
