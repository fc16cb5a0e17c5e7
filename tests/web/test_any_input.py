"""Whatever comes in, nothing breaks; whatever is built, comes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from veche.http import (
    BadEncoding,
    Headers,
    HttpError,
    best_language,
    best_media_type,
    evaluate_preconditions,
    parse_cookie_header,
    parse_range,
    parse_urlencoded,
)
from veche.log.formats import text_entry
from veche.log.sink import Level
from veche.web import Application, HTTPException, PlainTextResponse, Request, Response, Route
from veche.web.requests.forms import parse_multipart
from veche.web.requests.limits import BodyLimits
from veche.web.routing import Found, Router
from veche.web.testing import Client

# What a header value can hold once the wire has accepted it.
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"))


async def handler() -> Response:
    return Response()


ROUTER = Router(
    [
        Route("/{slug}", handler, name="one"),
        Route("/deep/{slug}/{number:int}", handler, name="two"),
        Route("/files/{rest:path}", handler, name="rest"),
        Route("/@{slug}", handler, name="marked"),
    ]
)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(0, 10**18 - 1))
def test_an_address_leads_back_to_what_it_was_built_from(text: str, number: int) -> None:
    slug = text.replace("/", "_")
    if slug in (".", ".."):
        return
    for name, values in (("two", {"slug": slug, "number": number}), ("marked", {"slug": slug})):
        address = ROUTER.url_for(name, values)
        assert address.isascii()
        found = ROUTER.find("GET", unquote(urlsplit(address).path))
        assert isinstance(found, Found)
        assert (found.route.name, found.path_params) == (name, values)


@given(st.text())
def test_any_path_has_an_outcome(path: str) -> None:
    ROUTER.find("GET", "/" + path)
    ROUTER.find("HEAD", path)


@given(VALUES)
def test_any_value_of_a_field_is_read_or_ignored(value: str) -> None:
    names = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")
    headers = Headers(dict.fromkeys(names, value))
    evaluate_preconditions("GET", headers, etag='"a"', last_modified_timestamp=1.0)
    parse_cookie_header(value)
    assert best_language(value, ("en", "ru")) in ("en", "ru")
    assert best_media_type(value, ("text/html", "application/json")) in ("text/html", "application/json", None)
    try:
        part = parse_range(value, 100)
    except HttpError:
        return
    assert part is None or 0 <= part[0] < part[1] <= 100


@given(st.binary())
def test_any_octets_are_a_form_or_an_error_with_a_status(octets: bytes) -> None:
    with suppress(BadEncoding):
        parse_urlencoded(octets)
    parse_urlencoded(octets, strict=False)


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_octets_are_a_multipart_form_or_an_error_with_a_status(pieces: list[bytes]) -> None:
    async def parse() -> None:
        async def octets() -> AsyncIterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            for piece in pieces:
                yield piece

        with suppress(HTTPException):
            (await parse_multipart(octets(), "x", BodyLimits())).close()

    asyncio.run(parse())


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.none()))
def test_any_message_is_one_line(message: str, fields: dict[str, object]) -> None:
    fields.pop("traceback", None)
    entry = text_entry(0.0, message, Level.INFO, fields).decode()
    assert entry.endswith("\n")
    assert len(entry.splitlines()) == 1


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.binary(max_size=50))
def test_any_address_and_body_is_answered(query: str, body: bytes) -> None:
    async def show(request: Request, page: int = 1, word: str = "") -> Response:
        return PlainTextResponse(f"{page}{word}{len(await request.form())}")

    async def ask() -> None:
        async with Client(Application([Route("/", show, methods=("GET", "POST"))])) as client:
            form = {"content-type": "application/x-www-form-urlencoded"}
            for address in (f"/?word={quote(query)}", f"/?{quote(query, safe='=&')}"):
                answer = await client.request("POST", address, content=body, headers=form)
                assert answer.status_code in (200, 400, 422)

    asyncio.run(ask())
