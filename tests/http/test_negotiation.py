"""Negotiation, conditions and ranges (RFC 9110 §12 to §14, RFC 4647)."""

import pytest

from veche.http import (
    Headers,
    RangeNotSatisfiable,
    Verdict,
    best_language,
    best_media_type,
    content_range,
    evaluate_preconditions,
    http_date,
    parse_accept,
    parse_range,
    range_still_holds,
)

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def test_ranges_come_best_first_and_a_weight_that_is_none_counts_as_zero() -> None:  # RFC 9110 §12.4.2
    assert parse_accept("a;q=0.5, B, c;q=0, d;q=2, e;level=1;q=0.7,,") == [
        ("b", 1.0),
        ("e", 0.7),
        ("a", 0.5),
        ("c", 0.0),
        ("d", 0.0),
    ]
    assert len(parse_accept("a," * 100_000)) <= 64


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/html"),
        (BROWSER, "text/html"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("*/*", "text/html"),
        ("text/html;q=0.1, application/json", "application/json"),
        ("text/html;q=0, */*", "application/json"),
        ("image/png", None),
    ],
)
def test_the_best_media_type_of_those_there_are(accept: str, expected: str | None) -> None:
    assert best_media_type(accept, ("text/html", "application/json")) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("de,en;q=0.5", "en-GB"),
        ("RU-ru-x-private", "ru"),
        ("de", "en-GB"),
        ("", "en-GB"),
        ("*", "en-GB"),
        ("ru;q=0, en", "en-GB"),
        ("x" * 5000, "en-GB"),
    ],
)
def test_the_language_of_the_reader(wanted: str, expected: str) -> None:  # RFC 4647 §3.4
    assert best_language(wanted, ("en-GB", "ru")) == expected


NOW = 1_700_000_000.5


@pytest.mark.parametrize(
    ("method", "fields", "verdict"),
    [
        ("GET", {}, Verdict.PROCEED),
        ("GET", {"if-none-match": '"a"'}, Verdict.NOT_MODIFIED),
        ("GET", {"if-none-match": 'W/"a"'}, Verdict.NOT_MODIFIED),
        ("GET", {"if-none-match": '"b", "a"'}, Verdict.NOT_MODIFIED),
        ("GET", {"if-none-match": "*"}, Verdict.NOT_MODIFIED),
        ("GET", {"if-none-match": '"b"', "if-modified-since": http_date(NOW)}, Verdict.PROCEED),
        ("PUT", {"if-none-match": "*"}, Verdict.PRECONDITION_FAILED),
        ("GET", {"if-match": '"a"'}, Verdict.PROCEED),
        ("GET", {"if-match": 'W/"a"'}, Verdict.PRECONDITION_FAILED),
        ("PUT", {"if-match": '"b"'}, Verdict.PRECONDITION_FAILED),
        ("GET", {"if-modified-since": http_date(NOW)}, Verdict.NOT_MODIFIED),
        ("GET", {"if-modified-since": http_date(NOW - 1)}, Verdict.PROCEED),
        ("GET", {"if-modified-since": "yesterday"}, Verdict.PROCEED),
        ("POST", {"if-modified-since": http_date(NOW)}, Verdict.PROCEED),
        ("PUT", {"if-unmodified-since": http_date(NOW - 1)}, Verdict.PRECONDITION_FAILED),
        ("PUT", {"if-unmodified-since": http_date(NOW)}, Verdict.PROCEED),
    ],
)
def test_preconditions_lead_to_their_verdict(method: str, fields: dict[str, str], verdict: Verdict) -> None:
    found = evaluate_preconditions(method, Headers(fields), etag='"a"', last_modified_timestamp=NOW)
    assert found is verdict  # RFC 9110 §13.2.2


def test_what_is_not_there_matches_nothing() -> None:
    assert evaluate_preconditions("PUT", Headers({"if-match": "*"})) is Verdict.PRECONDITION_FAILED
    assert evaluate_preconditions("PUT", Headers({"if-none-match": "*"})) is Verdict.PROCEED


@pytest.mark.parametrize(
    ("value", "holds"),
    [(None, True), ('"a"', True), ('"b"', False), ('W/"a"', False), (http_date(NOW), True), (http_date(0), False)],
)
def test_if_range_wants_exactly_the_same_thing(value: str | None, holds: bool) -> None:  # RFC 9110 §13.1.5
    headers = Headers({} if value is None else {"if-range": value})
    assert range_still_holds(headers, etag='"a"', last_modified_timestamp=NOW) is holds


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-200", (0, 100)),
        ("BYTES=0-0", (0, 1)),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1, 2-3", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_a_range_is_a_slice_or_is_ignored(value: str | None, part: tuple[int, int] | None) -> None:  # §14.2
    assert parse_range(value, 100) == part


@pytest.mark.parametrize("value", ["bytes=100-", "bytes=-0"])
def test_a_range_of_nothing_is_refused(value: str) -> None:  # RFC 9110 §15.5.17
    with pytest.raises(RangeNotSatisfiable):
        parse_range(value, 100)
    assert content_range(0, 10, 100) == "bytes 0-9/100"
