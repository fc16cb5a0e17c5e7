"""What one HTTP/1 connection knows of itself, and what it says of a request that is over.

One job: the phases, everything that is remembered between two reads, and the record for the access log.
Must not know: what leads from one phase to the next.

    IDLE ──▶ HEAD ──▶ EXCHANGE ──▶ IDLE …         the response is over and the request was read
                          ├──▶ UNREAD ──▶ IDLE     the response is over; the rest of the request is thrown away
                          └──▶ LINGER ──▶ CLOSING  an answer that the peer shall still be able to read: half-closed
    any ──▶ CLOSING ──▶ CLOSED                     what is written is flushed, for as long as the peer reads it

Only EXCHANGE holds anything of the application, and it begins with a whole head: a silent peer costs its socket.
The rooms inherit from one another, and not for order's sake alone: a part of its own would cost each request a call.
"""

import time
from enum import IntEnum
from typing import Final

from veche.server.bridges.exchange import Address, Exchange
from veche.server.connections.clock import NEVER
from veche.server.connections.http_connection import HttpConnection
from veche.server.connections.service import Service
from veche.server.records import FinishedRequest
from veche.wire.h1 import ReadState, RequestHead, RequestLine, RequestReader, ResponseWriter
from veche.wire.websocket import DeflateAgreement


class Phase(IntEnum):
    """What the connection is doing; the diagram is above."""

    IDLE = 0
    HEAD = 1
    EXCHANGE = 2
    UNREAD = 3
    LINGER = 4
    CLOSING = 5
    CLOSED = 6


# Enum members cost a lookup with Python code behind it on 3.11; these are looked at for every read.
IDLE: Final = Phase.IDLE
HEAD: Final = Phase.HEAD
EXCHANGE: Final = Phase.EXCHANGE
UNREAD: Final = Phase.UNREAD
LINGER: Final = Phase.LINGER
COMPLETE: Final = ReadState.COMPLETE
IN_HEAD: Final = ReadState.HEAD
NO_REQUEST: Final = RequestHead(
    RequestLine("", "1.1", b"", b"", b"", b"", None),
    fields=[],
    keep_alive=False,
    content_length=0,
    chunked=False,
    expects_continue=False,
    upgrade=b"",
)  # yet, on this connection


class Times:
    """When it was, by time.monotonic(), for the access log; a connection has them if that is on."""

    def __init__(self) -> None:
        self.first_read = 0.0  # when the first octet came of what is read now
        self.last_read = 0.0
        self.arrived = 0.0  # these three of the current request: its first octet, its last, its turn
        self.whole = 0.0
        self.began = 0.0


class Http1State(HttpConnection):
    """See the module."""

    reader: RequestReader
    _discarded_octets = 0
    _deflate: DeflateAgreement | None = None  # of the handshake that waits to be accepted

    def __init__(self, service: Service) -> None:
        """Set what every request looks at (WritingSide says why here). CPython has room for 29 names, those of the base
        included, before it makes each connection a dict of its own."""
        super().__init__(service)
        self.writer = ResponseWriter(None, service.field_lines, keep_alive=False)
        self.deadline = service.clock.deadline(service.limits.head_timeout_seconds)
        self.phase = IDLE
        self.exchange: Exchange | None = None
        self.head = NO_REQUEST
        self._peer: tuple[Address | None, bytes, str] | None = None  # the proxy, once it has spoken for others
        self._body_paused = False
        self._pipeline_paused = False
        self._continue_due = False
        self._input_ended = False
        self._body_octets = 0  # of the current request, received so far
        self._request_deadline = NEVER  # of a request whose body is not whole; else it is `deadline`
        self._body_mark = 0  # `_body_octets` when the stall deadline was set
        self.times: Times | None = None if service.access_log is None else Times()

    # What it says.

    def progress(self) -> tuple[int, int]:
        has_body = self.head.content_length or self.head.chunked
        return self._body_octets if has_body else 0, self.writer.body_octets

    def _log(self, status: int) -> None:
        access_log, times = self.service.access_log, self.times
        if access_log is None or times is None:
            return
        answered, exchange = time.monotonic(), self.exchange
        if self.phase is EXCHANGE:
            line, fields, arrived, whole = self.head.line, self.head.fields, times.arrived, times.whole
            began = exchange.began if exchange is not None and exchange.began else times.began
            octets_in = self._body_octets if self.head.content_length or self.head.chunked else 0
        else:  # what was refused is no request, or not a whole one
            line, fields, octets_in = None, [], 0
            arrived, whole, began = times.first_read, answered, answered  # all its time was reading: it never queued
        octets_out = self.writer.body_octets
        access_log.note(
            FinishedRequest(
                line,
                fields,
                self.client,
                self.scheme,
                status,
                octets_in,
                octets_out,
                arrived,
                whole,
                began,
                answered,
            ),
            self if self.octets_unsent() else None,
        )

    # Whether the socket is read.

    def _set_reading(self) -> None:
        if self._body_paused or self._pipeline_paused:
            if self.transport.is_reading():
                self.transport.pause_reading()
        elif not self.transport.is_reading() and not self.transport.is_closing():
            self.transport.resume_reading()

    def _resume_pipeline(self) -> None:
        if self._pipeline_paused:
            self._pipeline_paused = False
            self._set_reading()
