"""What a strict HTTP/1.1 server must refuse, in the order of RFC 9112, and what it must still accept.

The tests of one rule have its number in their names; the 22 rules are listed in docs/server/http1.md. What takes
a connection (16, 17, 18, 20, 21) is tested in tests/server/connections.

Every case is read twice, whole and octet by octet: `refusal_of` checks that both give the same calls.
"""

import pytest

from fixtures.requests import get, post, read_by_octet, read_whole, refusal_of
from veche.wire.h1 import HeadParser, ReadLimits

CHUNKED = b"Transfer-Encoding: chunked"


def head_of(octets: bytes) -> tuple[str, bytes, str, tuple[tuple[bytes, bytes], ...], bool]:
    kind, value = read_whole(octets)[0]
    assert kind == "head", value
    assert isinstance(value, tuple)
    return value


def test_a_plain_request_is_read() -> None:
    assert head_of(get(b"Accept: */*")) == (
        "GET",
        b"/",
        "1.1",
        ((b"host", b"example.org"), (b"accept", b"*/*")),
        True,
    )


# §2.2 Message parsing


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\rHost: a\r\n\r\n",
    ],
)
def test_rule_01_a_line_ends_with_crlf_only(octets: bytes) -> None:  # §2.2
    assert refusal_of(octets) == 400


def test_rule_01_a_bare_line_feed_is_refused_before_the_head_is_whole() -> None:  # nobody waits for the head's deadline
    assert refusal_of(b"GET / HTTP/1.1\nHost: a\n\n") == 400


@pytest.mark.parametrize(
    "octets",
    [
        b"\rG",
        b"GET / HTTP/1.1\rH",
        b"GET / HTTP/1.1\r\rH",
        b"GET / HTTP/1.1\r\nHost: a\rX",
        b"GET / HTTP/1.1\r\nHost: a\r\r",
        b"GET / HTTP/1.1\r\nHost: a\r\n\rX",
        b"\r\nGET / HTTP/1.1\rH",
        b"G\r" + b"x" * 300,  # it comes before the end of the longest request line
        b"GET / HTTP/9.9\r\nHost: a\rb\r\n\r\n",  # and before what is seen only in a whole head
        get(*[b"A: b"] * 20, b"X: a\rb"),
    ],
)
def test_rule_01_a_lone_carriage_return_is_refused_with_the_octet_after_it(octets: bytes) -> None:  # §2.2
    assert refusal_of(octets) == 400


def test_rule_01_a_carriage_return_may_be_the_last_octet_so_far() -> None:
    for end in range(1, len(get())):
        assert read_by_octet(get()[:end]) == read_whole(get()[:end]) == []


def test_rule_02_one_empty_line_before_a_request_is_ignored_two_are_not() -> None:  # §2.2
    assert refusal_of(b"\r\n" + get()) is None
    assert refusal_of(b"\r\n\r\n" + get()) == 400


def test_rule_02_white_space_before_the_first_field_is_refused() -> None:  # §2.2
    assert refusal_of(b"GET / HTTP/1.1\r\n Host: a\r\n\r\n") == 400


# §2.3, §3 Request line


@pytest.mark.parametrize(
    "line",
    [
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET /",
        b"GET",
        b"GET / http/1.1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1,1",
        b"GET / RTSP/1.0",
        b"G(T / HTTP/1.1",
        b"G\xc9T / HTTP/1.1",
    ],
)
def test_rule_03_the_request_line_is_exact(line: bytes) -> None:  # §3
    assert refusal_of(get(line=line)) == 400


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3.1"])
def test_rule_03_another_major_version_is_not_spoken(version: bytes) -> None:  # RFC 9110 §15.6.6
    assert refusal_of(get(line=b"GET / " + version)) == 505


def test_rule_03_the_preface_of_http_2_is_refused() -> None:
    assert refusal_of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505


def test_rule_03_a_later_minor_version_is_read_as_1_1() -> None:  # RFC 9110 §2.5
    assert head_of(get(line=b"GET / HTTP/1.7"))[2] == "1.1"


def test_rule_03_a_method_is_any_token_and_case_sensitive() -> None:  # RFC 9110 §9.1
    assert head_of(get(line=b"get / HTTP/1.1"))[0] == "get"
    assert head_of(get(line=b"SEARCH-ALL / HTTP/1.1"))[0] == "SEARCH-ALL"


def test_rule_03_a_long_request_line_is_414() -> None:
    assert refusal_of(get(line=b"GET /" + b"a" * 186 + b" HTTP/1.1")) is None
    assert refusal_of(get(line=b"GET /" + b"a" * 187 + b" HTTP/1.1")) == 414
    assert refusal_of(b"GET /" + b"a" * 300) == 414


# §3.2 Request target


@pytest.mark.parametrize(
    "target",
    [
        b"/a#b",
        b"/\xd0\xb0",
        b"/\x01",
        b"/\x7f",
        b"/a\tb",
        b"a/b",
        b"*",
        b"ftp://example.org/",
        b"http://user@example.org/",
        b"http:///a",
        b"http://a,b/",
        b"example.org:80",
        b"/a%00b",
    ],
)
def test_rule_04_a_target_has_one_of_the_forms(target: bytes) -> None:  # §3.2
    assert refusal_of(get(line=b"GET " + target + b" HTTP/1.1")) == 400


def test_rule_04_asterisk_form_is_for_options() -> None:  # §3.2.4
    assert refusal_of(get(line=b"OPTIONS * HTTP/1.1")) is None


def test_rule_04_connect_is_for_proxies() -> None:  # §3.2.3
    assert refusal_of(get(line=b"CONNECT example.org:443 HTTP/1.1")) == 501


@pytest.mark.parametrize(
    ("target", "raw_path", "path", "query"),
    [
        (b"/a%20b?c=%20d?e", b"/a%20b", b"/a b", b"c=%20d?e"),
        (b"/%D0%B0", b"/%D0%B0", "/а".encode(), b""),
        (b"//double", b"//double", b"//double", b""),
        (b"/%zz", b"/%zz", b"/%zz", b""),
        (b"http://b.example/x?y", b"/x", b"/x", b"y"),
        (b"HTTPS://b.example?y", b"/", b"/", b"y"),
    ],
)
def test_rule_04_a_target_is_taken_apart(target: bytes, raw_path: bytes, path: bytes, query: bytes) -> None:
    line = HeadParser(limit_fields=10).parse(get(line=b"GET " + target + b" HTTP/1.1")).line
    assert (line.target, line.raw_path, line.path, line.query) == (target, raw_path, path, query)


def test_rule_04_the_authority_of_absolute_form_overrides_host() -> None:  # §3.2.2
    fields = head_of(get(b"A: b", line=b"GET http://other.example:81/x HTTP/1.1"))[3]
    assert fields == ((b"host", b"other.example:81"), (b"a", b"b"))


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"Host: a\r\nHost: a",
        b"Host: a\r\nHost: b",
        b"Host:",
        b"Host: a, b",
        b"Host: a b",
        b"Host: user@a",
        b"Host: a/b",
        b"Host: a?b",
        b"Host: a#b",
        b"Host: http://a",
        b"Host: a:80a",
        b"Host: a:123456",
        b"Host: [::1",
        b"Host: \xd0\xb0",
        b"Host: " + b"a/" * 300,
    ],
)
def test_rule_05_host_is_one_and_valid(host: bytes) -> None:  # §3.2
    assert refusal_of(get(host=host)) == 400


@pytest.mark.parametrize("host", [b"a", b"a:", b"a.example:8000", b"127.0.0.1:1", b"[::1]:80", b"xn--80a.example"])
def test_rule_05_a_good_host_is_accepted(host: bytes) -> None:
    assert refusal_of(get(host=b"Host: " + host)) is None


def test_rule_05_http_1_0_may_come_without_host() -> None:
    assert refusal_of(get(line=b"GET / HTTP/1.0", host=b"")) is None
    assert refusal_of(get(b"Host: a", b"Host: a", line=b"GET / HTTP/1.0", host=b"")) == 400


# §5 Field lines


@pytest.mark.parametrize(
    "line",
    [
        b"Name : value",
        b": value",
        b"Name",
        b"Na me: value",
        b"Na\xefme: value",
        b"Name\x00: value",
        b" X: a",
        b"(X): a",
    ],
)
def test_rule_06_a_field_line_is_name_colon_value(line: bytes) -> None:  # §5, §5.1, §5.2
    assert refusal_of(get(line)) == 400


@pytest.mark.parametrize("octet", [*range(0x09), 0x0A, 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
def test_rule_07_a_control_character_in_a_value_is_refused(octet: int) -> None:  # RFC 9110 §5.5
    assert refusal_of(get(b"X: a" + bytes([octet]) + b"b")) == 400


def test_rule_07_only_space_and_tab_are_trimmed() -> None:  # RFC 9110 §5.5; str.strip() would trim \x85 and \xa0 too
    fields = head_of(get(b"X: \t a b \t", b"Y:", b"Z: \x85\xa0", b"W:no"))[3][1:]
    assert fields == ((b"x", b"a b"), (b"y", b""), (b"z", b"\x85\xa0"), (b"w", b"no"))


@pytest.mark.parametrize("line", [b"X: a\r\n b", b"X: a\r\n\tb", b"X:\r\n a", b"X: a\r\n \r\n b"])
def test_rule_08_a_folded_line_is_refused(line: bytes) -> None:  # §5.2 obs-fold
    assert refusal_of(get(line)) == 400


def test_rule_09_a_name_with_underscore_is_dropped() -> None:  # PEP 3333 maps "-" and "_" to one key
    assert head_of(get(b"X_Forwarded_For: 1.2.3.4", b"X-Real: 1"))[3][1:] == ((b"x-real", b"1"),)


@pytest.mark.parametrize("line", [b"Transfer_Encoding: chunked", b"Content_Length: 1"])
def test_rule_09_a_look_alike_of_a_framing_field_is_refused(line: bytes) -> None:
    assert refusal_of(get(line)) == 400


def test_what_was_refused_once_is_refused_again() -> None:  # lines are remembered, mistakes are not
    parser = HeadParser(limit_fields=10)
    for _ in range(3):
        assert parser.parse(get(b"A: b")).fields[1] == (b"a", b"b")
        for bad in (get(b"A : b"), get(b"A: b\x00"), get(b"Content_Length: 1"), get(host=b"Host: a/b")):
            with pytest.raises(Exception, match="400"):
                parser.parse(bad)


def test_what_is_remembered_is_bounded() -> None:
    parser = HeadParser(limit_fields=10)
    for number in range(5000):
        parser.parse(get(b"X-%d: %d" % (number, number), line=b"GET /%d HTTP/1.1" % number))
    assert len(parser._ordinary) <= 2048
    assert len(parser._request_lines) <= 2048
    assert len(parser._names) <= 2048
    parser.parse(get(b"Authorization: Bearer secret", b"X: " + b"long" * 200))
    assert not any(b"secret" in line or b"long" in line for line in parser._ordinary)


SECTIONS = [
    get(b"Accept: */*"),
    get(),
    get(b"Connection: close"),
    get(b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket"),
    get(b"X-Forwarded-For: 10.0.0.1", b"Cookie: a=b"),
    get(b"Expect: 100-continue", b"Content-Length: 5", line=b"PUT /a HTTP/1.1"),
    get(CHUNKED, line=b"POST / HTTP/1.1"),
    get(b"X_Dropped: 1", b"X: 2"),
    get(b"Authorization: Basic c2VjcmV0"),
]


@pytest.mark.parametrize("octets", SECTIONS)
def test_a_field_section_is_understood_the_tenth_time_as_the_first(octets: bytes) -> None:
    fresh, used = HeadParser(limit_fields=10), HeadParser(limit_fields=10)
    for number in range(10):
        heads = [parser.parse(octets) for parser in (HeadParser(limit_fields=10), used)]
        assert heads[0] == heads[1]
        heads[1].fields.append((b"whose", b"%d" % number))  # the receiver owns the list
    other = octets.replace(b" /", b" /another", 1)
    assert used.parse(other) == fresh.parse(other)
    assert used.parse(b"\r\n" + octets) == fresh.parse(b"\r\n" + octets)


def test_a_known_field_section_means_what_it_means_below_another_request_line() -> None:
    used = HeadParser(limit_fields=10)
    for octets in SECTIONS * 3:
        used.parse(octets)
    for octets in SECTIONS:
        section = octets[octets.index(b"\r\n") :]
        for line in (b"GET / HTTP/1.0", b"GET http://other/ HTTP/1.1", b"HEAD /?a=b HTTP/1.1", b"OPTIONS * HTTP/1.1"):
            if line.endswith(b"1.0") and CHUNKED in section:
                with pytest.raises(Exception, match="400"):
                    used.parse(line + section)
            else:
                assert used.parse(line + section) == HeadParser(limit_fields=10).parse(line + section)
    with pytest.raises(Exception, match="400"):
        used.parse(b"GET  HTTP/1.1" + SECTIONS[0][SECTIONS[0].index(b"\r\n") :])


def test_a_section_of_known_lines_that_is_refused_is_refused_again() -> None:
    parser = HeadParser(limit_fields=3)
    for _ in range(3):
        parser.parse(get(b"A: b"))
        for bad in (get(b"Host: example.org"), get(b"A: b", b"A: b", b"A: b"), get(host=b"A: b")):
            with pytest.raises(Exception, match=r"400|431"):
                parser.parse(bad)


def test_what_came_after_an_empty_line_makes_no_request_line_pass_as_a_field_line() -> None:
    parser = HeadParser(limit_fields=10)
    request, bad = get(), b"POST /other HTTP/1.1\r\n" + get()
    for _ in range(3):
        parser.parse(b"\r\n" + request)
        for octets in (bad, b"\r\n" + bad):
            with pytest.raises(Exception, match="400"):
                parser.parse(octets)


def test_the_sections_remembered_are_bounded_and_hold_no_credentials() -> None:
    parser = HeadParser(limit_fields=100)
    for number in range(1100):
        for _ in range(3):
            parser.parse(get(b"X: %d" % number))
    assert 0 < len(parser._sections) <= 1024
    for _ in range(3):
        parser.parse(get(b"Authorization: Bearer secret"))
        parser.parse(get(*(b"X-%d: %b" % (number, b"long" * 100) for number in range(6))))
    assert not any(b"secret" in section or b"long" in section for section in parser._sections)


# §6.1 Transfer-Encoding, §6.2 Content-Length (RFC 9110 §8.6)


@pytest.mark.parametrize(
    "value",
    [b"+1", b"-1", b"1_0", b"0x1", b"1, 1", b"1 1", b"", b"1.0", b"\xd9\xa1", b"1" * 19, b"a"],
)
def test_rule_10_a_content_length_is_one_decimal_number(value: bytes) -> None:  # RFC 9110 §8.6
    assert refusal_of(post(b"a", b"Content-Length: " + value)) == 400


@pytest.mark.parametrize("second", [b"1", b"2"])
def test_rule_10_a_second_content_length_is_refused_even_if_equal(second: bytes) -> None:
    assert refusal_of(post(b"a", b"Content-Length: 1", b"Content-Length: " + second)) == 400


@pytest.mark.parametrize(
    "value",
    [
        b",chunked",
        b"xchunked",
        b"",
        b"identity",
        b"chunked;q=1",
        b"chunked,",
        b"chunked, chunked",
        b"\x0bchunked",
        b'"chunked"',
        b"chunked identity",
    ],
)
def test_rule_11_a_transfer_encoding_is_exactly_chunked(value: bytes) -> None:  # §6.1
    assert refusal_of(post(b"0\r\n\r\n", b"Transfer-Encoding: " + value)) == 400


@pytest.mark.parametrize("value", [b"gzip", b"gzip, chunked", b"x-gzip,deflate , chunked"])
def test_rule_11_another_coding_is_not_implemented(value: bytes) -> None:  # §6.1
    assert refusal_of(post(b"0\r\n\r\n", b"Transfer-Encoding: " + value)) == 501


def test_rule_11_chunked_is_case_insensitive() -> None:  # §7
    assert refusal_of(post(b"0\r\n\r\n", b"Transfer-Encoding: \tChunked ")) is None


def test_rule_11_a_second_transfer_encoding_is_refused() -> None:
    assert refusal_of(post(b"0\r\n\r\n", CHUNKED, CHUNKED)) == 400


@pytest.mark.parametrize("order", [1, -1])
def test_rule_12_both_framings_at_once_are_refused(order: int) -> None:  # §6.1, §6.3
    assert refusal_of(post(b"0\r\n\r\n", *[b"Content-Length: 5", CHUNKED][::order])) == 400


def test_rule_11_transfer_encoding_in_http_1_0_is_refused() -> None:  # §6.1
    assert refusal_of(get(CHUNKED, line=b"POST / HTTP/1.0") + b"0\r\n\r\n") == 400


# §6.3 Message body length


def test_rule_10_a_body_of_content_length_ends_exactly_there() -> None:
    octets = post(b"hello", b"Content-Length: 5") + get()
    assert [name for name, _ in read_whole(octets)] == ["head", "body", "end", "head"]
    assert read_whole(octets)[1] == ("body", b"hello")
    assert refusal_of(octets) is None


def test_rule_10_a_request_without_framing_has_no_body() -> None:
    assert [name for name, _ in read_whole(get(line=b"POST / HTTP/1.1") + get())] == ["head", "head"]


# §7.1 Chunked


def test_rule_13_a_chunked_body_is_decoded() -> None:
    body = b'4\r\nwiki\r\n005;a;b=c;d="e \\" f"\r\npedia\r\n0\r\nX-Trailer: ignored\r\n\r\n'
    events = read_whole(post(body, CHUNKED) + get())
    assert events[1:3] == [("body", b"wikipedia"), ("end", None)]
    assert events[3][0] == "head"
    assert refusal_of(post(body, CHUNKED)) is None


@pytest.mark.parametrize("size", [b"+1a", b"-1", b"1_0", b" 1a", b"0x1a", b"g", b"", b"1" * 17, b"\xd9\xa1"])
def test_rule_13_a_chunk_size_is_1_hexdig(size: bytes) -> None:  # §7.1
    assert refusal_of(post(size + b"\r\n", CHUNKED)) == 400


@pytest.mark.parametrize(
    "body",
    [
        b"1\r\naX0\r\n\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"1\na\r\n0\r\n\r\n",
        b"1\r\na\r\n0\n\n",
        b"1\r\na\r\n0\r\n\n",
    ],
)
def test_rule_13_chunk_data_and_lines_end_with_crlf(body: bytes) -> None:  # §7.1: two readers must see the same end
    assert refusal_of(post(body, CHUNKED)) == 400


@pytest.mark.parametrize(
    "extension", [b";", b"; =a", b";a=", b";a=\x00", b';a="b', b";a b", b" a", b'; a="\x01"', b";a\r"]
)
def test_rule_13_a_chunk_extension_has_its_grammar(extension: bytes) -> None:  # §7.1.1
    assert refusal_of(post(b"1" + extension + b"\r\na\r\n0\r\n\r\n", CHUNKED)) == 400


def test_rule_13_chunk_extensions_are_limited() -> None:  # one per octet would make us read far more than we deliver
    limits = ReadLimits(request_line_octets=200, head_octets=1000, head_fields=10, body_octets=10**6)
    body = b"1;" + b"a" * 4000 + b"\r\nx\r\n"
    assert refusal_of(post(body * 5, CHUNKED), limits) == 400
    assert refusal_of(post(b"1;" + b"a" * 5000, CHUNKED), limits) == 400


# §7.1.2 Trailers


@pytest.mark.parametrize("line", [b"X : a", b"X: a\x00", b"X", b" X: a"])
def test_rule_14_a_trailer_line_is_a_field_line(line: bytes) -> None:
    assert refusal_of(post(b"0\r\n" + line + b"\r\n\r\n", CHUNKED)) == 400


def test_rule_14_trailers_are_limited_in_number_and_size() -> None:
    assert refusal_of(post(b"0\r\n" + b"X: a\r\n" * 11 + b"\r\n", CHUNKED)) == 431
    assert refusal_of(post(b"0\r\n" + b"X: " + b"a" * 2000 + b"\r\n\r\n", CHUNKED)) == 431
    assert refusal_of(post(b"0\r\n" + (b"X: " + b"a" * 300 + b"\r\n") * 4 + b"\r\n", CHUNKED)) == 431


def test_rule_14_a_trailer_never_becomes_a_field() -> None:  # RFC 9110 §6.5.1
    events = read_whole(post(b"0\r\nHost: evil\r\nContent-Length: 3\r\n\r\n", CHUNKED))
    assert [name for name, _ in events] == ["head", "end"]


@pytest.mark.parametrize("name", [b"X-Any", b"Trailer", b"TE", b"Cookie", b"Authorization", b"Content-Type", b"!"])
def test_rule_14_any_trailer_ends_with_the_empty_line_and_is_dropped(name: bytes) -> None:  # RFC 9110 §6.5.1
    body = b"1\r\na\r\n0\r\n" + name + b": 1\r\n"
    assert [kind for kind, _ in read_whole(post(body, CHUNKED))] == ["head", "body"]
    assert [kind for kind, _ in read_whole(post(body + b"\r\n", CHUNKED) + get())] == ["head", "body", "end", "head"]


def test_rule_15_a_body_that_is_not_whole_has_no_end() -> None:  # §8; what the end of input does stands in test_reader
    for body, framing in ((b"abc", b"Content-Length: 4"), (b"3\r\nabc\r\n", CHUNKED), (b"0\r\n", CHUNKED)):
        assert [kind for kind, _ in read_whole(post(body, framing))][-1] != "end"


# Limits


def test_rule_18_a_large_head_is_431() -> None:
    assert refusal_of(get(*[b"X: " + b"a" * 100] * 8)) is None
    assert refusal_of(get(*[b"X: " + b"a" * 110] * 9)) == 431
    assert refusal_of(get()[:-2] + b"X: " + b"a" * 1200) == 431


def test_rule_18_repeated_field_lines_are_counted() -> None:
    assert refusal_of(get(*[b"A: b"] * 9)) is None
    assert refusal_of(get(*[b"A: b"] * 10)) == 431


def test_rule_18_a_large_body_is_413_before_it_is_read() -> None:
    assert refusal_of(post(b"", b"Content-Length: 101")) == 413
    assert refusal_of(post(b"a" * 100, b"Content-Length: 100")) is None
    assert refusal_of(post(b"65\r\n", CHUNKED)) == 413
    assert refusal_of(post(b"32\r\n" + b"a" * 50 + b"\r\n33\r\n", CHUNKED)) == 413


# §9.3 Persistence


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"foo, Close", False),
        (b"1.1", b"closed", True),
        (b"1.0", None, False),
        (b"1.0", b"Keep-Alive", True),
        (b"1.0", b"keep-alive, close", False),
    ],
)
def test_a_connection_is_kept_as_the_peer_asks(version: bytes, connection: bytes | None, kept: bool) -> None:
    lines = [] if connection is None else [b"Connection: " + connection]
    assert head_of(get(*lines, line=b"GET / HTTP/" + version))[4] is kept


# RFC 9110 §10.1.1 Expect, §7.8 Upgrade


def test_rule_19_the_only_expectation_is_100_continue() -> None:
    parse = HeadParser(limit_fields=10).parse
    assert parse(get(b"Expect: 100-Continue")).expects_continue
    assert not parse(get(b"Expect: 100-continue", line=b"GET / HTTP/1.0")).expects_continue
    assert refusal_of(get(b"Expect: tea")) == 417


def test_rule_22_an_upgrade_counts_only_when_connection_names_it() -> None:
    parse = HeadParser(limit_fields=10).parse
    assert parse(get(b"Upgrade: WebSocket", b"Connection: keep-alive, Upgrade")).upgrade == b"websocket"
    assert parse(get(b"Upgrade: websocket")).upgrade == b""
    assert parse(get(b"Upgrade: websocket", b"Connection: close")).upgrade == b""
    assert parse(get(b"Upgrade: websocket", b"Connection: upgrade", line=b"GET / HTTP/1.0")).upgrade == b""
