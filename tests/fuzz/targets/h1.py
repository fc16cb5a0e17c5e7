"""HTTP/1: requests are read alike however they arrive, and no response is ever split.

One job: what must hold for any octets, and seeds. Must not know: who makes the octets.
"""

from typing import Final

from fixtures.requests import LIMITS, Recorder, get, post, read_by_octet, read_whole
from veche.wire.h1 import BodyMismatch, FieldLines, HeadParser, RequestRefused, ResponseRefused, ResponseWriter

CHUNKED_HEAD: Final = post(b"", b"Transfer-Encoding: chunked")
DATE_LINE: Final = b"date: now\r\n"

SEEDS: Final = [
    get(),
    get(b"Connection: close", b"Accept: */*"),
    get(line=b"GET http://a.example/b?c HTTP/1.1"),
    get(line=b"OPTIONS * HTTP/1.0"),
    get(b"Connection: upgrade", b"Upgrade: websocket", b"Expect: 100-continue"),
    post(b"hello", b"Content-Length: 5") + get(),
    CHUNKED_HEAD + b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n" + get(),
    b"\r\n" + get(line=b"GET /%D0%B0%2F HTTP/1.1"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r",
]
CHUNKED_SEEDS: Final = [
    b"5\r\nhello\r\n0\r\n\r\n",
    b'1;a;b=c;d="e\\" f"\r\nx\r\n00a \t; q\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n' + get(),
    b"64\r\n" + b"a" * 100 + b"\r\n0\r\n\r\n",
]
RESPONSE_SEEDS: Final = [
    b"\xc8content-type\0text/plain\0x\0y\0hello",
    b"\xccdate\0then\0connection\0close\0",
    b"\xc8content-length\x005\0x\0y\0hello",
    b"\xc8transfer-encoding\0chunked\0a\r\nb\0c\0x",
]


def check(octets: bytes) -> None:
    """Whole, octet by octet and in pieces: the same events. Nothing is raised; nothing follows a refusal."""
    whole = read_whole(octets)
    assert read_by_octet(octets) == whole
    size = 2 + len(octets) % 13
    assert Recorder().feed(octets[at : at + size] for at in range(0, len(octets), size)) == whole
    kinds = [kind for kind, _ in whole]
    assert "refused" not in kinds[:-1]
    assert all(len(bytes(value)) <= LIMITS.body_octets for kind, value in whole if kind == "body")  # type: ignore[call-overload]  # a body event holds bytes


def check_chunked(octets: bytes) -> None:
    """The same from the start of a chunked body."""
    check(CHUNKED_HEAD + octets)


def check_memory(octets: bytes) -> None:
    """A parser that remembers lines reads each head as one that has never seen any, and again so the second time."""
    heads = [part + b"\r\n\r\n" for part in octets.split(b"\r\n\r\n")]
    experienced = HeadParser(limit_fields=10)
    for head in [*heads, *heads]:
        assert _reading(experienced, head) == _reading(HeadParser(limit_fields=10), head)


def _reading(parser: HeadParser, head: bytes) -> object:
    try:
        return parser.parse(head)
    except RequestRefused as refusal:
        return refusal.status


def check_response(octets: bytes) -> None:
    """Whatever an application says, the head ends where the writer says, and has as many lines as it has fields."""
    status, *parts = octets[1:].split(b"\0") if octets else [b""]
    parts = [status, *parts]
    fields = list(zip(parts[::2], parts[1::2], strict=False))
    body = parts[-1]
    for more in (False, True):
        head = HeadParser(limit_fields=10).parse(get(b"TE: trailers"))
        writer = ResponseWriter(head, FieldLines(), keep_alive=True)
        try:
            writer.start(200 + octets[0] % 200 if octets else 200, fields)
            sent = writer.body(body, more=more, date_line=DATE_LINE)
        except (ResponseRefused, BodyMismatch):
            continue
        lines, end, rest = sent.partition(b"\r\n\r\n")
        assert end
        assert lines.count(b"\n") == lines.count(b"\r") == lines.count(b"\r\n") <= len(fields) + 3
        assert rest in {body, b"", b"%x\r\n%b\r\n" % (len(body), body)}
