"""One response as octets (RFC 9112 §4, §6, §7; RFC 9110 §6.4, §8.6).

One job: what an application says, checked and framed: status line, field lines, body.
Must not know: sockets, clocks (the Date line comes in), who the application is.
"""

from collections.abc import Iterable
from typing import Any, Final

from veche.http.status import PHRASES
from veche.wire.h1.errors import BodyMismatch, ResponseRefused
from veche.wire.h1.head import Field, RequestHead, RequestLine
from veche.wire.h1.said_fields import REMEMBERED_OCTETS, check_field, check_trailer, not_bytes, read_length, remember

STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {PHRASES.get(status, '')}\r\n".encode("ascii") for status in range(100, 600)
}

# What decides about framing or about the connection is ours to say, whatever the application says.
OURS: Final = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"date"})

NO_REQUEST_LINE: Final = RequestLine("", "1.1", b"", b"", b"", b"", None)
NOTHING: Final[list[bytes]] = []

LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class FieldLines:
    """Field lines that were checked once; one for all responses of a worker. Bounded in number and length.

    `known` maps a field to its line, and a field of OURS to b"".
    """

    def __init__(self) -> None:
        self.known: dict[Field, bytes] = {}
        self.lengths: dict[Field, tuple[int, bytes]] = {}  # Content-Length fields: the number, and the end of a head

    def line(self, field: Field) -> bytes:
        """Return `name: value CRLF`, b"" for a field of OURS. Raises ResponseRefused."""
        line = self.known.get(field)
        return self.checked(field) if line is None else line

    def checked(self, field: Any) -> bytes:
        """Return the same for a field that is not known yet, and remember it."""
        name, value = field
        check_field(name, value)
        line = b"" if name.lower() in OURS else b"%b: %b\r\n" % (name, value)
        if len(line) <= REMEMBERED_OCTETS:
            remember(self.known, field, line)
        return line

    def length(self, field: Field) -> tuple[int, bytes]:
        """Return the number of a Content-Length field, and its line as a head's last. Raises ResponseRefused."""
        octets = read_length(field[1])
        length = (octets, b"content-length: %d\r\n\r\n" % octets)
        remember(self.lengths, field, length)
        return length


class ResponseWriter:
    """Frame one response. `start` once, then `body` until it was called with more=False; both return octets to send.

    All it has is set in `begin`: CPython reads and writes what an instance has in its own right, and the class has not,
    ten times as fast as what shadows a default of the class.
    """

    def __init__(self, request: RequestHead | None, lines: FieldLines, *, keep_alive: bool) -> None:
        self.lines = lines
        self.begin(request, keep_alive)

    def begin(self, request: RequestHead | None, keep_alive: bool) -> None:
        """Forget all of the last response; a connection has one writer for all its requests.

        request: None when it was refused; then the connection can not be kept.
        """
        self._line = NO_REQUEST_LINE if request is None else request.line
        self.keep_alive = request is not None and keep_alive and request.keep_alive
        self.chunked = False
        self.trailers_announced = False
        self.ended = False
        self.status = 0
        self.body_octets = 0
        self._content_length = -1
        self._bodiless = False
        self._has_date = False
        self._length_line = b""  # what the application says as Content-Length, and the end of the head
        self._head = NOTHING  # never added to: `start` makes a new one

    def start(self, status: Any, fields: Iterable[Any]) -> None:
        """Check and keep the head; its octets come with the first call of `body`, as one piece.

        An application may say anything here, so nothing is taken for granted, not even types (a compiled function would
        check them in its own words). Raises ResponseRefused, after which `start` may be called again with something
        better.
        """
        status_line = STATUS_LINES.get(status)
        if status_line is None or status < 200:
            raise ResponseRefused(f"status {status!r} is not a final status code (200 to 599)")
        self._content_length = -1
        self._has_date = False
        head = [status_line]
        known, lengths = self.lines.known, self.lines.lengths
        try:
            for field in fields:
                if type(field) is not tuple:
                    name, value = field  # ASGI allows any iterable of two
                    field = (name, value)  # noqa: PLW2901
                line = known.get(field)
                if line is None:
                    line = self.lines.checked(field)
                if not line:
                    length = lengths.get(field)
                    if length is not None and self._content_length < 0:
                        self._content_length, self._length_line = length
                        continue
                    line = self._read_ours(field)
                head.append(line)
        except TypeError as error:
            raise not_bytes(error) from None
        self.status = status
        self._bodiless = self._line.is_head or status == 204 or status == 304  # noqa: PLR1714  # a set costs more
        self._head = head

    def start_with_trailers(self, status: int, fields: Iterable[Field], *, wanted: bool) -> None:
        """Do what `start` does for a response that `trailers` will end.

        wanted: the client has said so. Where there is no place for trailers (HTTP/1.0, no body) they are left out. The
        body is chunked where there is one, whatever Content-Length the application says.
        """
        self.trailers_announced = False
        fields = list(fields)
        has_place = wanted and self._line.is_1_1 and not (self._line.is_head or status in {204, 304})
        if not has_place:
            fields = [field for field in fields if bytes(field[0]).lower() != b"trailer"]
        self.start(status, fields)
        if has_place:
            self.trailers_announced = True
            self._content_length = -1

    @property
    def started(self) -> bool:
        """Whether `start` has been called."""
        return self.status != 0

    @property
    def head_is_due(self) -> bool:
        """Whether nothing of the response has been given out yet, so that another can take its place."""
        return not self.status or bool(self._head)

    def switch_protocols(self, fields: Iterable[Any], *, date_line: bytes) -> bytes:
        """Return a 101 response with these fields (RFC 9110 §15.2.2). Raises ResponseRefused, and nothing was sent."""
        head = [STATUS_LINES[101], date_line]
        for name, value in fields:
            if name.lower() == b"connection":
                head.append(b"connection: Upgrade\r\n")
            else:
                head.append(self.lines.checked((name, value)))
        self.status = 101
        self.ended = True
        return b"".join([*head, b"\r\n"])

    def informational(self, status: int, fields: Iterable[Field]) -> bytes:
        """Return an interim response (RFC 9110 §15.2). Raises ResponseRefused, and nothing was sent."""
        if not 100 <= status <= 199 or status == 101:
            raise ResponseRefused(f"status {status!r} is not an interim one (100 to 199, without 101)")
        return b"".join([STATUS_LINES[status], *(self.lines.line(field) for field in fields), b"\r\n"])

    @property
    def is_delimited(self) -> bool:
        """Whether the peer can tell a body that was cut from one that is whole."""
        return self.chunked or self._content_length >= 0 or self._bodiless

    def body(self, octets: bytes, more: bool, date_line: bytes) -> bytes:
        """Return what to send for this piece of the body, the head included when it is the first.

        Raises BodyMismatch for more than Content-Length, and for an end before it; nothing of this piece may be sent.
        """
        head = self._head
        length = self._content_length
        if (
            length == len(octets)
            and head
            and self.keep_alive
            and not (more or self._bodiless or self._has_date)
            and self._line.is_1_1
        ):
            # What most responses are: one message, with its length said.
            head.append(date_line)
            head.append(self._length_line)
            head.append(octets)
            self._head = NOTHING
            self.ended = True
            self.body_octets = length
            return b"".join(head)
        if more and self.chunked and not head:
            self.body_octets += len(octets)
            return b"%x\r\n%b\r\n" % (len(octets), octets) if octets else b""
        total = self.body_octets + len(octets)
        if length >= 0 and not self._bodiless and (total > length or (total < length and not more)):
            self.keep_alive = False
            raise BodyMismatch(total, length, ended=not more)
        prefix = self._finished_head(len(octets), more=more, date_line=date_line) if head else b""
        if not more:
            self.ended = True
        if self._bodiless:
            return prefix
        self.body_octets = total
        if self.chunked:
            return b"".join(
                [
                    prefix,
                    b"%x\r\n%b\r\n" % (len(octets), octets) if octets else b"",
                    b"" if more else LAST_CHUNK,
                ]
            )
        return prefix + octets

    def trailers(self, fields: Iterable[Field], *, date_line: bytes) -> bytes:
        """Return what ends a body of which every piece was given with more=True, with these fields if announced.

        Raises ResponseRefused, and nothing was sent.
        """
        if not self.trailers_announced:
            return self.body(b"", more=False, date_line=date_line)
        lines = [self._trailer_line(name, value) for name, value in fields]
        prefix = self._finished_head(0, more=True, date_line=date_line) if self._head else b""
        self.ended = True
        return b"".join([prefix, b"0\r\n", *lines, b"\r\n"])

    def file(self, octets: int, *, date_line: bytes) -> tuple[bytes, bytes | None]:
        """Return what comes before and after a part of the body that is sent past this writer, a file's.

        The second is None when the response has no body, and the file is not sent. Raises BodyMismatch as `body` does.
        """
        total = self.body_octets + octets
        if 0 <= self._content_length < total and not self._bodiless:
            self.keep_alive = False
            raise BodyMismatch(total, self._content_length)
        prefix = self._finished_head(octets, more=True, date_line=date_line) if self._head else b""
        if self._bodiless:
            return prefix, None
        self.body_octets = total
        if self.chunked:
            return b"%b%x\r\n" % (prefix, octets), b"\r\n"
        return prefix, b""

    def _trailer_line(self, name: bytes, value: bytes) -> bytes:
        check_trailer(name)
        return self.lines.line((name, value))

    def _finished_head(self, first_octets: int, *, more: bool, date_line: bytes) -> bytes:
        """Return the head's octets, with the fields that are ours to say (RFC 9112 §6.1–6.3, §9.3)."""
        head = self._head
        if not self._has_date:
            head.append(date_line)
        if self.status == 204:
            self._content_length = -1  # RFC 9110 §8.6: never with 1xx or 204
        elif self._content_length < 0 and not self._bodiless:
            if not more:
                self._content_length = first_octets
            elif self._line.is_1_1:
                self.chunked = True
                head.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False  # HTTP/1.0 has no other way to end such a body
        if self._content_length >= 0:
            head.append(b"content-length: %d\r\n" % self._content_length)
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        elif not self._line.is_1_1:
            head.append(b"connection: keep-alive\r\n")
        head.append(b"\r\n")
        octets = b"".join(head)
        self._head = NOTHING
        return octets

    def _read_ours(self, field: Field) -> bytes:
        """Take note of a field of OURS; return its line when it may be sent as it is."""
        length = self.lines.lengths.get(field)
        if length is None:
            name, value = field[0].lower(), field[1]
            if name == b"content-length":
                length = self.lines.length(field)
        if length is not None:
            if self._content_length >= 0 and self._content_length != length[0]:
                raise ResponseRefused("two Content-Length fields differ (RFC 9110 §8.6)")
            self._content_length, self._length_line = length
        elif name == b"date":
            self._has_date = True
            return b"date: %b\r\n" % value
        elif name == b"connection" and b"close" in value.lower():
            self.keep_alive = False
        return b""
