"""Field lines, cookies and forms (RFC 9110 §5, RFC 6265bis, URL Standard §5)."""

import pytest

from veche.http import (
    BadEncoding,
    BadFieldLine,
    Headers,
    MultiMap,
    MutableHeaders,
    TooManyFields,
    parse_cookie_header,
    parse_urlencoded,
    set_cookie_line,
)


def test_a_field_is_found_whatever_the_case_of_its_name() -> None:  # RFC 9110 §5.1
    headers = Headers([(b"content-type", b"text/html"), (b"accept", b"a"), (b"accept", b"b")])
    assert headers["Content-Type"] == "text/html"
    assert headers.getlist("ACCEPT") == ["a", "b"]
    assert "CONTENT-TYPE" in headers
    assert headers.get("missing") is None
    assert list(headers) == ["content-type", "accept"]
    assert len(headers) == 2
    assert headers.multi_items()[1:] == [("accept", "a"), ("accept", "b")]


def test_setting_replaces_every_line_and_appending_keeps_them() -> None:
    headers = MutableHeaders({"Vary": "Accept", "X-A": "1"})
    headers.append("x-a", "2")
    headers["x-a"] = "3"
    assert headers.getlist("x-a") == ["3"]
    headers.add_vary("Cookie")
    headers.add_vary("ACCEPT")
    assert headers["vary"] == "Accept, Cookie"
    del headers["x-a"]
    assert "x-a" not in headers


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", "a\r\nset-cookie: b"), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\x00b"), ("x y", "a"), ("", "a"), ("x", "имя")],
)
def test_what_would_split_a_response_is_refused(name: str, value: str) -> None:  # RFC 9110 §5.5
    with pytest.raises(BadFieldLine):
        MutableHeaders()[name] = value
    with pytest.raises(BadFieldLine):
        MutableHeaders().append(name, value)
    with pytest.raises(BadFieldLine):
        Headers({name: value})


def test_the_first_of_two_cookies_wins() -> None:  # RFC 6265 §5.4: the longer path comes first
    assert parse_cookie_header('a=1; b="two"; a=3; noise; =x; c=') == {"a": "1", "b": "two", "c": ""}


def test_a_cookie_is_careful_by_default() -> None:
    assert set_cookie_line("__Host-session", "abc") == ("__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert set_cookie_line(
        "seen", "", max_age_seconds=0, path="/a", domain="x.org", secure=False, http_only=False, same_site="Strict"
    ) == ("seen=; Path=/a; Max-Age=0; Domain=x.org; SameSite=Strict")


@pytest.mark.parametrize("value", ["a;b", "a b", "a,b", 'a"b', "a\r\nb", "имя", "a\\b"])
def test_a_value_that_cookies_cannot_carry_is_refused(value: str) -> None:  # RFC 6265 §4.1.1
    with pytest.raises(BadFieldLine):
        set_cookie_line("name", value)


def test_a_prefix_that_the_attributes_do_not_keep_is_refused() -> None:  # RFC 6265bis §4.1.3
    with pytest.raises(BadFieldLine, match="promises"):
        set_cookie_line("__Host-a", "1", path="/deep")
    with pytest.raises(BadFieldLine, match="promises"):
        set_cookie_line("__Host-a", "1", domain="x.org")
    with pytest.raises(BadFieldLine, match="promises"):
        set_cookie_line("__Secure-a", "1", secure=False)
    with pytest.raises(BadFieldLine, match="path"):
        set_cookie_line("a", "1", path="/;Domain=evil")


def test_fields_of_a_form_keep_their_order_and_repeat() -> None:
    pairs = parse_urlencoded(b"a=1&b=%D1%8F+%2B&a=2&c&&d=x=y")
    assert pairs == [("a", "1"), ("b", "я +"), ("a", "2"), ("c", ""), ("d", "x=y")]
    fields = MultiMap(pairs)
    assert (fields["a"], fields.getlist("a"), fields.getlist("z"), len(fields)) == ("2", ["1", "2"], [], 4)


def test_too_many_fields_are_refused_before_they_are_read() -> None:
    assert len(parse_urlencoded(b"&".join([b"a=1"] * 10), limit_fields=10)) == 10
    with pytest.raises(TooManyFields):
        parse_urlencoded(b"&".join([b"a=1"] * 11), limit_fields=10)
    with pytest.raises(TooManyFields):
        parse_urlencoded(b"&" * 10, limit_fields=10)


@pytest.mark.parametrize("octets", [b"a=%ff", b"a=\xff", b"%ff=a"])
def test_a_form_that_is_not_utf_8_is_refused_and_a_query_is_mended(octets: bytes) -> None:
    with pytest.raises(BadEncoding):
        parse_urlencoded(octets)
    assert "\ufffd" in "".join(parse_urlencoded(octets, strict=False)[0])
