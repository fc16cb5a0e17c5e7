"""Status codes and dates (RFC 9110 §15, §5.6.7)."""

import pytest

from veche.http.dates import http_date, parse_http_date
from veche.http.status import forbids_body, phrase


def test_phrases_are_those_of_rfc_9110() -> None:
    assert [phrase(code) for code in (200, 404, 413, 414, 422, 431)] == [
        "OK",
        "Not Found",
        "Content Too Large",
        "URI Too Long",
        "Unprocessable Content",
        "Request Header Fields Too Large",
    ]
    assert phrase(799) == ""


@pytest.mark.parametrize(("status", "forbidden"), [(103, True), (204, True), (304, True), (200, False), (205, False)])
def test_some_statuses_never_have_content(status: int, forbidden: bool) -> None:  # RFC 9110 §6.4.1
    assert forbids_body(status) is forbidden


def test_a_date_is_an_imf_fixdate() -> None:  # RFC 9110 §5.6.7
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_all_three_forms_of_a_date_are_read(text: str) -> None:  # RFC 9110 §5.6.7
    assert parse_http_date(text) == 784111777


@pytest.mark.parametrize("text", ["", "tomorrow", "Sun, 99 Nov 1994 08:49:37 GMT", "0"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None
