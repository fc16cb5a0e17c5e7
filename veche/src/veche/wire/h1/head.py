"""The head of one HTTP/1.x request: the request line and the field lines (RFC 9112 §3, §5; RFC 9110 §5, §7.2).

One job: the octets of one whole head in, a RequestHead or a refusal out.
Must not know: where a head starts and ends in the stream, bodies, connections.

Lines are checked once and then remembered: clients send the same lines again and again, and looking one up in a dict
is cheaper than any parser (`benchmarks/` has the numbers). A client that asks again often says all of them again, and
only the request line differs: a field section of which every line was known is remembered as a whole. What is
remembered is bounded in number and in length, and has passed every check, so a stranger can make it cold, never wrong.
"""

from enum import IntEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from veche.wire.h1.errors import RequestRefused
from veche.wire.h1.grammar import ABSOLUTE_FORM, CONTENT_LENGTH, HOST, REQUEST_LINE, TOKEN, VALUE_OCTETS
from veche.wire.label import NO_LABEL, request_label

REMEMBERED_LINES: Final = 2048
REMEMBERED_OCTETS: Final = 512
REMEMBERED_SECTIONS: Final = 1024
REMEMBERED_SECTION_OCTETS: Final = 2048

# A coding that is registered but not ours is "not implemented"; what is not even registered is a mistake or an attack.
OTHER_CODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})

# With "_" for "-" these mean something to CGI-like environments (PEP 3333) and nothing to HTTP: smuggling.
FRAMING_LOOK_ALIKES: Final = frozenset({b"transfer_encoding", b"content_length"})

# What proxies say about their client. It is only collected here: whether it counts is known to whoever knows the peer.
FORWARDED: Final = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port"}
)

# Fields that this module reads itself. Their lines are never in the dict of ordinary lines.
READ_HERE: Final = FORWARDED | {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}

# Credentials are not kept longer than their request.
NOT_REMEMBERED: Final = frozenset({b"authorization", b"proxy-authorization"})

# Looked for as numbers: CPython first tries to take `b"#"` for a number, and fails; it costs five times as much.
NUMBER_SIGN: Final = ord("#")
PERCENT: Final = ord("%")

Field = tuple[bytes, bytes]


class NameKind(IntEnum):
    """What is done with the lines of one field name."""

    ORDINARY = 0
    READ_HERE = 1
    NOT_REMEMBERED = 2
    DROPPED = 3


class RequestLine(Struct, frozen=True, gc=False):
    """The checked parts of a request line."""

    method: str
    version: str  # "1.0" or "1.1"
    target: bytes  # as sent
    raw_path: bytes  # the path of the target, still percent-encoded
    path: bytes  # the same, decoded
    query: bytes  # without "?"
    authority: bytes | None  # of absolute-form: it overrides Host (RFC 9112 §3.2.2)
    is_1_1: bool = True
    is_head: bool = False
    path_text: str = ""  # the decoded path as text; octets that are not UTF-8 become U+FFFD
    label: bytes = NO_LABEL  # request_label(method, target): made once for a line that is remembered


class RequestHead(Struct, gc=False):
    """One request as the application will see it, and how its body is delimited."""

    line: RequestLine
    fields: list[Field]  # names in lower case, values trimmed; the receiver owns the list
    keep_alive: bool  # what the peer asked for
    content_length: int  # 0 when there is no body, or when chunked
    chunked: bool
    expects_continue: bool
    upgrade: bytes  # the value of Upgrade in lower case when Connection names it, else b""
    forwarded: list[Field] | None = None  # those of `fields` in which proxies speak of their client

    def accepts_trailers(self) -> bool:
        """Return whether the client wants trailer fields after a response's body (RFC 9110 §10.1.4)."""
        return any(
            name == b"te" and b"trailers" in [coding.strip(b" \t") for coding in value.lower().split(b",")]
            for name, value in self.fields
        )


class HeadParser:
    """Parse heads; one parser serves all connections of a worker, so that they share what it remembers."""

    def __init__(self, *, limit_fields: int) -> None:
        self.limit_fields = limit_fields
        self._request_lines: dict[bytes, RequestLine] = {}
        self._ordinary: dict[bytes, Field] = {}
        self._special: dict[bytes, Field] = {}
        self._names: dict[bytes, tuple[bytes, NameKind]] = {}
        self._sections: dict[bytes, RequestHead] = {}  # as they are understood below a plain line of HTTP/1.1

    def parse(self, octets: bytes) -> RequestHead:
        """Return the request whose head is `octets`, from the request line to the empty line, both included.

        One empty line before the request line is allowed (RFC 9112 §2.2). Raises RequestRefused.
        """
        first, _, section = octets.partition(b"\r\n")
        known = self._sections.get(section)
        if known is not None and first:
            line = self._request_lines.get(first) or self._read_request_line(first)
            if line.is_1_1 and line.authority is None:
                return RequestHead(
                    line,
                    known.fields.copy(),
                    known.keep_alive,
                    known.content_length,
                    known.chunked,
                    known.expects_continue,
                    known.upgrade,
                    known.forwarded,
                )
        return self._parse_lines(octets, section)

    def _parse_lines(self, octets: bytes, section: bytes) -> RequestHead:
        lines = octets.split(b"\r\n")
        first = lines[0]
        start = 1
        if not first:
            first = lines[1]
            start = 2
        if len(lines) - start - 2 > self.limit_fields:
            raise RequestRefused(431, f"more than {self.limit_fields} field lines")
        line = self._request_lines.get(first) or self._read_request_line(first)
        fields: list[Field] = []
        special: list[Field] = []
        ordinary = self._ordinary
        all_known = True
        for octets_of_line in lines[start:-2]:
            field = ordinary.get(octets_of_line)
            if field is None:
                field = self._special.get(octets_of_line)
                if field is not None:
                    special.append(field)
                else:
                    all_known = False
                    field, kind = self._read_field_line(octets_of_line)
                    if kind is NameKind.READ_HERE:
                        special.append(field)
                    elif kind is NameKind.DROPPED:
                        continue
            fields.append(field)
        if len(special) == 1 and special[0][0] == b"host" and line.authority is None:  # nothing else to understand
            head = RequestHead(line, fields, line.is_1_1, 0, False, False, b"")  # noqa: FBT003
        else:
            head = _understood(line, fields, special)
        # Credentials are in no section here: their lines are never known. After an empty line the section would begin
        # with the request line, and make it a field line of whatever came before.
        if (
            all_known
            and start == 1
            and line.is_1_1
            and line.authority is None
            and len(section) <= REMEMBERED_SECTION_OCTETS
        ):
            if len(self._sections) >= REMEMBERED_SECTIONS:
                self._sections.clear()
            self._sections[section] = replace(head, fields=fields.copy())
        return head

    def _read_request_line(self, octets: bytes) -> RequestLine:
        match = REQUEST_LINE.fullmatch(octets)
        if match is None:
            raise RequestRefused(400, "the request line is not method SP request-target SP HTTP/1.1")
        method, target, major, minor = match.groups()
        if major != b"1":
            raise RequestRefused(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        # A later minor version is served as the highest that we know (RFC 9110 §2.5).
        line = _with_target(method.decode("ascii"), "1.0" if minor == b"0" else "1.1", target)
        if len(octets) <= REMEMBERED_OCTETS:
            if len(self._request_lines) >= REMEMBERED_LINES:
                self._request_lines.clear()
            self._request_lines[octets] = line
        return line

    def _read_field_line(self, octets: bytes) -> tuple[Field, NameKind]:
        raw_name, colon, value = octets.partition(b":")
        known = self._names.get(raw_name)
        if known is None or not colon:
            known = self._read_name(raw_name, colon)
        name, kind = known
        if value.translate(None, VALUE_OCTETS):
            raise RequestRefused(400, "a field value contains a control character")
        field = (name, value.strip(b" \t"))  # only these two: str.strip() would also eat \x0b, \x0c, \x85 …
        if name == b"host" and HOST.fullmatch(field[1]) is None:
            raise RequestRefused(400, "Host is not host[:port]")
        if kind <= NameKind.READ_HERE and len(octets) <= REMEMBERED_OCTETS:
            memory = self._special if kind is NameKind.READ_HERE else self._ordinary
            if len(memory) >= REMEMBERED_LINES:
                memory.clear()
            memory[octets] = field
        return field, kind

    def _read_name(self, raw_name: bytes, colon: bytes) -> tuple[bytes, NameKind]:
        if not colon or TOKEN.fullmatch(raw_name) is None:
            # This also refuses obs-fold, and white space before the colon (RFC 9112 §5.1, §5.2).
            raise RequestRefused(400, "a field line is not field-name : field-value")
        name = raw_name.lower()
        if name in FRAMING_LOOK_ALIKES:
            raise RequestRefused(400, f"{name.decode()} looks like a field that delimits the body")
        if name in READ_HERE:
            kind = NameKind.READ_HERE
        elif name in NOT_REMEMBERED:
            kind = NameKind.NOT_REMEMBERED
        elif b"_" in name:
            kind = NameKind.DROPPED  # ambiguous with "-" in every CGI-like environment: dropped, as nginx does
        else:
            kind = NameKind.ORDINARY
        if len(raw_name) <= REMEMBERED_OCTETS:
            if len(self._names) >= REMEMBERED_LINES:
                self._names.clear()
            self._names[raw_name] = (name, kind)
        return name, kind


def _with_target(method: str, version: str, target: bytes) -> RequestLine:
    """Return the request line with its target taken apart by form (RFC 9112 §3.2)."""
    authority: bytes | None = None
    if NUMBER_SIGN in target:
        raise RequestRefused(400, "a request target has no fragment")
    if method == "CONNECT":
        raise RequestRefused(501, "this is an origin server; CONNECT is for proxies")
    if target.startswith(b"/") or (target == b"*" and method == "OPTIONS"):
        raw_path, _, query = target.partition(b"?")
    else:
        match = ABSOLUTE_FORM.fullmatch(target)
        if match is None or HOST.fullmatch(match[1]) is None:
            raise RequestRefused(400, "the request target is neither /path nor http://host/path")
        authority, raw_path, query = match[1], match[2] or b"/", (match[3] or b"?")[1:]
    path = decoded_path(raw_path)
    text = path.decode("utf-8", "replace")
    is_1_1, is_head = version == "1.1", method == "HEAD"
    label = request_label(method, target)
    return RequestLine(method, version, target, raw_path, path, query, authority, is_1_1, is_head, text, label)


def decoded_path(raw_path: bytes) -> bytes:
    """Return a path of visible ASCII without its percent-encoding. Raises RequestRefused."""
    if PERCENT not in raw_path:
        return raw_path
    path = unquote_to_bytes(raw_path)
    if 0 in path:  # no file and no key has it; it only breaks what is written in C
        raise RequestRefused(400, "the path contains NUL")
    return path


def _understood(line: RequestLine, fields: list[Field], special: list[Field]) -> RequestHead:
    """Return the head with the fields that decide about the connection and the body read."""
    host: bytes | None = None
    connection = upgrade = b""
    content_length = -1
    chunked = expects_continue = False
    forwarded: list[Field] | None = None
    is_1_1 = line.is_1_1
    for name, value in special:
        if name == b"host":
            if host is not None:
                raise RequestRefused(400, "more than one Host (RFC 9112 §3.2)")
            host = value
        elif name in FORWARDED:  # early: a proxy in front is what most servers have
            if forwarded is None:
                forwarded = []
            forwarded.append((name, value))
        elif name == b"connection":
            connection = connection + b"," + value if connection else value
        elif name == b"upgrade":
            upgrade = value
        elif name == b"expect":
            expects_continue = _continue_is_expected(value, is_1_1=is_1_1)
        elif name == b"content-length":
            if content_length >= 0 or CONTENT_LENGTH.fullmatch(value) is None:
                raise RequestRefused(400, "Content-Length is not one decimal number (RFC 9110 §8.6)")
            content_length = int(value)
        else:
            _refuse_unless_chunked(value, repeated=chunked, is_1_1=is_1_1)
            chunked = True
    if chunked and content_length >= 0:
        raise RequestRefused(400, "both Transfer-Encoding and Content-Length (RFC 9112 §6.1)")
    if host is None and is_1_1:
        raise RequestRefused(400, "no Host (RFC 9112 §3.2)")
    if line.authority is not None:
        fields[:] = [(b"host", line.authority), *(field for field in fields if field[0] != b"host")]
    keep_alive = is_1_1
    if connection == b"keep-alive":  # what most browsers say, and all that it can mean
        keep_alive, upgrade = True, b""
    elif connection:
        options = [option.strip(b" \t") for option in connection.lower().split(b",")]
        keep_alive = b"close" not in options and (is_1_1 or b"keep-alive" in options)
        if b"upgrade" not in options:
            upgrade = b""
    else:
        upgrade = b""
    return RequestHead(
        line,
        fields,
        keep_alive,
        max(content_length, 0),
        chunked,
        expects_continue,
        upgrade.lower() if is_1_1 else b"",
        forwarded,
    )


def _continue_is_expected(value: bytes, *, is_1_1: bool) -> bool:
    if not is_1_1:
        return False  # RFC 9110 §10.1.1: ignored in HTTP/1.0
    if value.lower() != b"100-continue":
        raise RequestRefused(417, "the only expectation that can be met is 100-continue")
    return True


def _refuse_unless_chunked(value: bytes, *, repeated: bool, is_1_1: bool) -> None:
    """Raise unless Transfer-Encoding is exactly `chunked`, once, in HTTP/1.1 (RFC 9112 §6.1, §7)."""
    if not is_1_1:
        raise RequestRefused(400, "Transfer-Encoding in HTTP/1.0")
    if repeated:
        raise RequestRefused(400, "more than one Transfer-Encoding")
    coding = value.lower()
    if coding == b"chunked":
        return
    codings = [one.strip(b" \t") for one in coding.split(b",")]
    if codings[-1] == b"chunked" and len(codings) > 1:
        codings.pop()
    if OTHER_CODINGS.issuperset(codings):
        raise RequestRefused(501, "the only transfer coding here is chunked")
    raise RequestRefused(400, "Transfer-Encoding is not chunked")
