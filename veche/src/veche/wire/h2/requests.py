"""Field lists as requests (RFC 9113 §8.2, §8.3; RFC 9110 §5, §7).

One job: what a decoded block says, as the RequestHead that bridges know from HTTP/1, or why it is none.
Must not know: frames, compression, streams.

A field is judged once, when it enters a table or comes as a literal; a request looks at nothing but the fields that
were marked then. `Malformed` resets the stream (§8.1.1); RequestRefused is answered with its status.
"""

from enum import IntEnum
from typing import Final, NoReturn

from veche.wire.h1 import RequestHead, RequestLine, RequestRefused
from veche.wire.h1.grammar import CONTENT_LENGTH, HOST, TOKEN, VALUE_OCTETS
from veche.wire.h1.head import FORWARDED, FRAMING_LOOK_ALIKES, NUMBER_SIGN, decoded_path
from veche.wire.h2.errors import ErrorCode, StreamBroken
from veche.wire.h2.hpack import DecodedBlock, Entry, Field
from veche.wire.label import request_label

REMEMBERED_LINES: Final = 2048
REMEMBERED_OCTETS: Final = 512
REMEMBERED_NAMES: Final = 1024

VISIBLE: Final = bytes(range(0x21, 0x7F))


class Mark(IntEnum):
    """What is said of a field once and for all. 0 is an ordinary field."""

    ORDINARY = 0
    METHOD = 1
    SCHEME = 2
    PATH = 3
    AUTHORITY = 4
    PROTOCOL = 5  # of extended CONNECT (RFC 8441)
    HOST = 6
    CONTENT_LENGTH = 7
    COOKIE = 8
    EXPECT = 9
    FORWARDED = 10  # what a proxy says about its client
    DROPPED = 11
    MALFORMED = 12


LAST_PSEUDO: Final = 5
METHOD: Final = int(Mark.METHOD)
SCHEME: Final = int(Mark.SCHEME)
PATH: Final = int(Mark.PATH)
AUTHORITY: Final = int(Mark.AUTHORITY)
PROTOCOL: Final = int(Mark.PROTOCOL)

MARKED_NAMES: Final = {
    b":method": Mark.METHOD,
    b":scheme": Mark.SCHEME,
    b":path": Mark.PATH,
    b":authority": Mark.AUTHORITY,
    b":protocol": Mark.PROTOCOL,
    b"host": Mark.HOST,
    b"content-length": Mark.CONTENT_LENGTH,
    b"cookie": Mark.COOKIE,
    b"expect": Mark.EXPECT,
    **dict.fromkeys(FORWARDED, Mark.FORWARDED),
    # Connection-specific (§8.2.2).
    b"connection": Mark.MALFORMED,
    b"keep-alive": Mark.MALFORMED,
    b"proxy-connection": Mark.MALFORMED,
    b"transfer-encoding": Mark.MALFORMED,
    b"upgrade": Mark.MALFORMED,
}
SCHEMES: Final = frozenset({b"http", b"https"})


class FieldJudge:
    """Says of a field what can be said without the others; one for all connections of a worker."""

    def __init__(self) -> None:
        self._names: dict[bytes, int] = {}

    def judge(self, name: bytes, value: bytes) -> int:
        """Return the field's Mark."""
        mark = self._names.get(name)
        if mark is None:
            mark = self._judge_name(name)
        # CR, LF, NUL, and white space at either end (§8.2.1).
        if value.translate(None, VALUE_OCTETS) or value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
            return Mark.MALFORMED
        if mark == METHOD:
            return mark if TOKEN.fullmatch(value) else Mark.MALFORMED
        if mark == SCHEME:
            return mark if value in SCHEMES else Mark.MALFORMED
        if name == b"te" and value.lower() != b"trailers":
            return Mark.MALFORMED
        return mark

    def _judge_name(self, name: bytes) -> int:
        mark = MARKED_NAMES.get(name)
        if mark is None:
            if TOKEN.fullmatch(name) is None or name != name.lower() or name in FRAMING_LOOK_ALIKES:
                mark = Mark.MALFORMED
            elif b"_" in name:
                mark = Mark.DROPPED  # as in HTTP/1: ambiguous with "-" in every CGI-like environment
            else:
                mark = Mark.ORDINARY
        if len(name) <= REMEMBERED_OCTETS:
            if len(self._names) >= REMEMBERED_NAMES:
                self._names.clear()
            self._names[name] = int(mark)
        return int(mark)


class RequestParser:
    """Make requests of field lists; one parser serves all connections of a worker."""

    def __init__(self, *, limit_fields: int, path_limit_octets: int) -> None:
        self.limit_fields = limit_fields
        self.path_limit_octets = path_limit_octets
        self._lines: dict[tuple[bytes, bytes], RequestLine] = {}

    def parse(self, decoded: DecodedBlock, *, ended: bool) -> RequestHead:
        """Return the request. ended: no body follows. Raises StreamBroken for a malformed one, RequestRefused."""
        if decoded.straying:
            _refuse_late_pseudo_fields(decoded.straying)
        fields = decoded.plain
        method = scheme = path = authority = protocol = None
        special: list[Entry] | None = None
        for entry in decoded.marked:
            (_name, value), mark = entry
            if mark > LAST_PSEUDO:
                if special is None:
                    special = []
                special.append(entry)
            elif special is not None:
                _malformed("a pseudo-header field comes after a regular one")
            elif mark == METHOD and method is None:
                method = value
            elif mark == SCHEME and scheme is None:
                scheme = value
            elif mark == PATH and path is None:
                path = value
            elif mark == AUTHORITY and authority is None:
                authority = value
            elif mark == PROTOCOL and protocol is None:
                protocol = value
            else:
                _malformed("a pseudo-header field comes twice")
        if method is None or (method == b"CONNECT" and protocol is None):
            _refuse_connect(method, is_whole=authority is not None and scheme is None and path is None)
        if scheme is None or not path:
            _malformed("a request has no :scheme, or no :path")
        if len(fields) + len(decoded.marked) > self.limit_fields:
            raise RequestRefused(431, f"more than {self.limit_fields} fields")
        line = self._lines.get((method, path)) or self._read_line(method, path)
        upgrade = b""
        if protocol is not None:
            upgrade = _read_protocol(method, protocol, authority)
        if special is None and authority is not None:
            if HOST.fullmatch(authority) is None:
                raise RequestRefused(400, ":authority is not host[:port]")
            fields.insert(0, (b"host", authority))
            return RequestHead(line, fields, True, 0, not ended, False, upgrade)  # noqa: FBT003
        content_length, expects_continue, forwarded = _read_special(fields, special or [], authority)
        if ended and content_length > 0:
            _malformed("content-length says that there is a body, and END_STREAM that there is none")
        without_length = content_length < 0 and not ended
        return RequestHead(
            line,
            fields,
            keep_alive=True,
            content_length=max(content_length, 0),
            chunked=without_length,  # what bridges take for "a body whose length nobody has said"
            expects_continue=expects_continue and not ended,
            upgrade=upgrade,
            forwarded=forwarded,
        )

    def known_line(self, method: bytes, path: bytes) -> RequestLine | None:
        """Return the counterpart of a request line that was read before, and is remembered."""
        return self._lines.get((method, path))

    def check_trailers(self, decoded: DecodedBlock) -> None:
        """Refuse trailers that are malformed (§8.1). They are dropped like those of HTTP/1."""
        if len(decoded.plain) + len(decoded.marked) > self.limit_fields:
            _malformed("too many trailer fields")
        for _field, mark in decoded.marked:
            if mark <= LAST_PSEUDO or mark == Mark.MALFORMED:
                _malformed("a trailer section has a pseudo-header field or a malformed one")

    def _read_line(self, method: bytes, target: bytes) -> RequestLine:
        """Return the counterpart of a request line."""
        if len(target) > self.path_limit_octets:
            raise RequestRefused(414, f"the path is longer than {self.path_limit_octets} octets")
        if target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
            _malformed(":path is neither /path nor the * of OPTIONS")
        if target.translate(None, VISIBLE) or NUMBER_SIGN in target:
            raise RequestRefused(400, ":path has octets that no path has")
        raw_path, _, query = target.partition(b"?")
        path = decoded_path(raw_path)
        text = path.decode("utf-8", "replace")
        # Bridges ask is_1_1 for what HTTP/1.0 has not.
        line = RequestLine(
            *(method.decode("ascii"), "2", target, raw_path, path, query, None, True, method == b"HEAD", text),
            request_label(method.decode("ascii"), target),
        )
        if len(target) + len(method) <= REMEMBERED_OCTETS:
            if len(self._lines) >= REMEMBERED_LINES:
                self._lines.clear()
            self._lines[method, target] = line
        return line


def _read_special(
    fields: list[Field], special: list[Entry], authority: bytes | None
) -> tuple[int, bool, list[Field] | None]:
    """Add what was marked to the fields as an application knows it.

    Return the content length, -1 without one, whether 100 Continue is waited for, and what a proxy says.
    """
    host: bytes | None = None
    crumbs: list[bytes] = []
    content_length = -1
    expects_continue = False
    forwarded: list[Field] | None = None
    for field, mark in special:
        value = field[1]
        if mark == Mark.COOKIE:
            crumbs.append(value)
        elif mark == Mark.CONTENT_LENGTH:
            if content_length >= 0 or CONTENT_LENGTH.fullmatch(value) is None:
                _malformed("content-length is not one decimal number (RFC 9110 §8.6)")
            content_length = int(value)
            fields.append(field)
        elif mark == Mark.HOST:
            if host is not None:
                _malformed("more than one Host")
            host = value
        elif mark == Mark.EXPECT:
            if value.lower() != b"100-continue":
                raise RequestRefused(417, "the only expectation that can be met is 100-continue")
            expects_continue = True
            fields.append(field)
        elif mark == Mark.FORWARDED:
            forwarded = [field] if forwarded is None else [*forwarded, field]
            fields.append(field)
        elif mark != Mark.DROPPED:
            _malformed(f"the field {field[0]!r} is malformed, or none of HTTP/2")
    if crumbs:
        fields.append((b"cookie", b"; ".join(crumbs)))  # §8.2.3
    if authority is not None and host is not None and host.lower() != authority.lower():
        _malformed(":authority and Host differ (§8.3.1)")
    name = host if authority is None else authority
    if name is None:
        raise RequestRefused(400, "neither :authority nor Host")
    if HOST.fullmatch(name) is None:
        raise RequestRefused(400, ":authority is not host[:port]")
    fields.insert(0, (b"host", name))
    return content_length, expects_continue, forwarded


def _refuse_connect(method: bytes | None, *, is_whole: bool) -> NoReturn:
    """Refuse what has no method, or the CONNECT of §8.5, which has :authority and no other part of a target."""
    if method is None:
        _malformed("a request has no :method")
    if not is_whole:
        _malformed("CONNECT has :scheme or :path, or no :authority (§8.5)")
    raise RequestRefused(501, "this is an origin server; CONNECT is for proxies")


def _read_protocol(method: bytes, protocol: bytes, authority: bytes | None) -> bytes:
    """Return the protocol that an extended CONNECT asks for (RFC 8441 §4)."""
    if method != b"CONNECT" or authority is None:
        _malformed(":protocol is for CONNECT, and with :authority")
    return protocol.lower()


def _refuse_late_pseudo_fields(straying: list[Entry]) -> None:
    for _field, mark in straying:
        if mark <= LAST_PSEUDO:
            _malformed("a pseudo-header field comes after a regular one")


def _malformed(reason: str) -> NoReturn:
    raise StreamBroken(ErrorCode.PROTOCOL_ERROR, reason)
