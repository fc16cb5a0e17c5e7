"""The macros and the API's page in a real browser, under axe-core: no violations, in both languages."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from fixtures.browser import Browsing
from resources.notes import create_api
from veche.web.forms import Form
from veche.web.templates import Templates
from web.forms.test_forms_html import WRONG, Registration, render, sent, templates

__all__ = ["templates"]  # a fixture


def violations(browsing: Browsing, html: str) -> list[str]:
    page = browsing.page()
    page.set_content(html)
    found = Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "form", [Form.empty(Registration), sent(WRONG).with_error("", "invalid")], ids=["empty", "wrong"]
)
def test_a_form_has_no_violations(
    browsing: Browsing, templates: Templates, form: Form[Registration], language: str
) -> None:
    main = render(templates, form, language)
    html = f'<!doctype html><html lang="{language}"><title>Form</title><main><h1>Form</h1>{main}</main></html>'
    assert violations(browsing, html) == []


@pytest.mark.browser
def test_the_page_of_the_api_has_no_violations(browsing: Browsing) -> None:
    assert violations(browsing, create_api().page) == []
