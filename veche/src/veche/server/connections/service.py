"""What all connections of one worker share.

One job: hold it.
Must not know: how a connection works.
"""

from collections.abc import Callable
from contextvars import copy_context
from typing import Final, Protocol

from veche.log import Level
from veche.server.bridges.exchange import Address, Bridge, Reporter
from veche.server.connections.accepting.per_address import NO_PLACE, ConnectionsPerAddress
from veche.server.connections.addresses import address_text
from veche.server.connections.clock import NEVER, Clock
from veche.server.connections.forwarded import Forwarding
from veche.server.connections.transport.turn import Turn
from veche.server.records.metering import RequestLog
from veche.server.scoreboard import Board, Counter
from veche.server.settings import RequestLimits
from veche.wire.h1 import FieldLines, HeadParser, ReadLimits
from veche.wire.h2 import Limits, Memory, ResponseEncoder
from veche.wire.websocket import DeflateChoices, FrameMakers

SILENT_TOLD_EACH_SECOND: Final = 10


class Connection(Protocol):
    """What the server asks of each of its connections, whatever it speaks."""

    deadline: float
    write_deadline: float
    place: str  # among the connections of its client's address; whoever takes a connection over takes it over, too

    def deadline_passed(self, now: float) -> None:
        """A deadline is over: do what must be done then, and set the next one."""

    def begin_drain(self) -> None:
        """Finish what runs, or one more request that is on its way, and then close."""

    def end_if_idle(self) -> None:
        """Close now if nothing is under way: nobody has asked in the time of grace."""

    def hurry(self) -> None:
        """Half of the time for draining is over: ask what still runs to end."""

    def abort(self) -> None:
        """Cut the connection at once."""


class Service:
    """One application, its bounds, its clock, and everyone who is connected to it."""

    def __init__(
        self,
        bridge: Bridge,
        limits: RequestLimits,
        clock: Clock,
        reporter: Reporter,
        access_log: RequestLog | None,
        *,
        board: Board,
        forwarding: Forwarding,
    ) -> None:
        self.bridge = bridge
        self.limits = limits
        self.clock = clock
        self.reporter = reporter
        self.access_log = access_log
        self.board = board
        self.forwarding = forwarding
        self.per_address = ConnectionsPerAddress(limits.connections_per_address, forwarding.trust, clock, reporter)
        self.head_parser = HeadParser(limit_fields=limits.head_limit_fields)
        self.read_limits = ReadLimits(
            request_line_octets=limits.request_line_limit_octets,
            head_octets=limits.head_limit_octets,
            head_fields=limits.head_limit_fields,
            body_octets=limits.body_limit_octets,
        )
        self.keep_alive_ticks = limits.keep_alive_seconds + clock.tick_seconds  # for a deadline without a call
        self.request_ticks = limits.request_seconds + clock.tick_seconds if limits.request_seconds else NEVER
        self.field_lines = FieldLines()
        self.frame_makers = FrameMakers(_deflate_choices(limits))
        self.turn = Turn(clock.loop)
        if access_log is not None:
            self.turn.after = access_log.turn_ended
        self.http2_memory = Memory(
            limit_fields=limits.head_limit_fields, path_limit_octets=limits.request_line_limit_octets
        )
        self.http2_encoder = ResponseEncoder()
        self.http2_limits = http2_limits(limits)
        self.connections: set[Connection] = set()
        self.requests_served = 0
        self._silent_second = self._silent_told = 0
        self.context = copy_context()  # without any request's variables
        self.draining = False
        self.keeps_alive = True  # connections, after an answer
        self.admitted = 0  # connections accepted and not yet lost; `connections` holds them a turn of the loop later
        self.when_room: Callable[[], None] | None = None  # the doors were closed for want of room: call when there is

    def client_was_silent(self, client: Address | None, what: str) -> None:
        """Note that a client was let go because it did not speak in time. It cost its socket, and nobody else anything.

        what: it did, such as "sent no request".
        """
        self.board.cells[Counter.SILENT_CLIENTS] += 1
        second = int(self.clock.now)
        if second != self._silent_second:
            self._silent_second, self._silent_told = second, 0
        self._silent_told += 1
        if self._silent_told <= SILENT_TOLD_EACH_SECOND:
            self.reporter.log_message(
                f"a client {what} in time: let go", level=Level.DEBUG, client=address_text(client)
            )

    def forget(self, connection: Connection) -> None:
        """Note that a connection has ended."""
        self.connections.discard(connection)
        if connection.place:
            self.per_address.leave(connection.place)
            connection.place = NO_PLACE
        self.admitted -= 1
        self.board.connections(self.admitted)
        if self.when_room is not None:
            open_again, self.when_room = self.when_room, None
            open_again()


def _deflate_choices(limits: RequestLimits) -> DeflateChoices | None:
    if not limits.websocket_deflate:
        return None
    return DeflateChoices(
        window_bits=limits.websocket_deflate_window_bits,
        level=limits.websocket_deflate_level,
        least_octets=limits.websocket_deflate_least_octets,
        context_takeover=limits.websocket_deflate_context_takeover,
        ratio_limit=limits.websocket_inflate_ratio_limit,
    )


def http2_limits(limits: RequestLimits) -> Limits:
    """Return what an HTTP/2 engine needs to know of the settings."""
    return Limits(
        streams=limits.http2_stream_limit,
        stream_window_octets=limits.http2_stream_window_octets,
        connection_window_octets=limits.http2_connection_window_octets,
        list_octets=limits.head_limit_octets,
        block_frames=limits.http2_block_limit_frames,
        body_octets=limits.body_limit_octets,
        requests=limits.http2_request_limit,
        resets_received=limits.http2_resets_received_limit,
        resets_sent=limits.http2_resets_sent_limit,
        idle_frames=limits.http2_idle_frame_limit,
        queued_control_frames=limits.http2_queued_answer_limit,
    )
