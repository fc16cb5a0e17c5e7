"""One WSGI request and its response, as far as it is the same in a thread and in the loop.

One job: collect the body, be told what becomes of the connection, tell the operator what went wrong.
Must not know: where the application runs (threaded.py, inline.py), what it may do (call.py).
"""

import os
from typing import IO, TYPE_CHECKING, Final

from veche.log import Level
from veche.server.bridges.exchange import ClientDisconnected, Exchange, Outlet
from veche.server.bridges.wsgi.body import EMPTY, CollectedBody
from veche.server.bridges.wsgi.call import ApplicationCall
from veche.server.bridges.wsgi.file_wrapper import FileWrapper, Region
from veche.server.bridges.wsgi.heads import declared_octets
from veche.server.scoreboard import Doing, Slot
from veche.wire.h1 import RequestHead

if TYPE_CHECKING:
    from veche.server.bridges.wsgi.bridge import WsgiBridge

NO_LENGTH: Final = -1
LAST: Final = False  # `more` of write_body, by position: CPython takes a keyword's long way for each call
SENDFILE_LEAST_OCTETS: Final = 32768  # less is read and leaves with the head in one write, which costs less
BODILESS: Final = frozenset({204, 304})


class WsgiExchange(ApplicationCall, Exchange):
    """Methods are called in the loop's thread unless they say otherwise."""

    bridge: "WsgiBridge"
    outlet: Outlet
    head: RequestHead
    slot: Slot  # since the request was whole; all else is there from the beginning
    _collected: CollectedBody | None
    _input: IO[bytes]
    _length: int
    _head_sent: bool

    def fill(self, bridge: "WsgiBridge", outlet: Outlet, head: RequestHead) -> None:
        """Be the exchange for this request; called once, before all else.

        CPython has room for 29 names, before it makes each exchange a dict of its own.
        """
        self.bridge = bridge
        self.heads = bridge.heads
        self.outlet = outlet
        self.head = head
        self.began = 0.0
        self.response = None
        self.begun = False
        self.complete = False
        self.over = False
        self._rest_octets = -1
        self._collected = None
        self._input = EMPTY
        self._length = NO_LENGTH
        self._head_sent = False

    def begin(self) -> None:
        """The request is whole: give it to the application."""
        raise NotImplementedError

    def body_is_large(self, collected: CollectedBody) -> None:
        """The body is past `spool_disk_octets` and goes on."""
        raise NotImplementedError

    # What the connection says.

    def start(self) -> None:
        """Ask for the body; begin at once when there is none."""
        head = self.head
        if head.content_length or head.chunked:
            self._collected = CollectedBody(self.bridge.limits.spool_octets)
            self.outlet.want_body()
        else:
            self.begin()

    @property
    def running(self) -> bool:
        """Whether the application still has the request."""
        return False

    def body_received(self, octets: bytes) -> None:
        """Keep a part of the body, without a thread; what of it is not in memory is on disk."""
        collected = self._collected
        if collected is None:
            return
        try:
            collected.add(octets)
        except OSError as error:
            self.failed("a request's body cannot be kept", reason=str(error))
            return
        if collected.octets > self.bridge.limits.spool_disk_octets:
            self._collected = None
            self.body_is_large(collected)
        else:
            self.outlet.want_body()  # what came is taken care of

    def request_ended(self) -> None:
        """The request is whole."""
        collected = self._collected
        if collected is not None:
            self._collected = None
            self._length = collected.octets
            self._input = collected.hand_out()
            self.begin()

    def response_ended(self) -> None:
        """Nothing more can be sent."""
        self.over = True
        if self._collected is not None:
            self.give_up()

    def input_ended(self) -> None:
        """The client sends no more; it may still read the response."""

    def peer_lost(self) -> None:
        """The client is gone; the application learns it when it sends the next part, or reads one."""
        self.give_up()

    def deadline_passed(self) -> None:
        """The client is told 504."""
        self.give_up()

    def shutting_down(self) -> None:
        """WSGI has no word for this; the response ends by itself or is cut at the deadline."""

    def stop(self) -> None:
        """WSGI has no word for this either."""

    # What becomes of it.

    def give_up(self) -> None:
        """Let the application go on without anybody who listens."""
        self.over = True
        if self._collected is not None:
            self._collected.discard()
            self._collected = None

    def cancel(self) -> None:
        """The worker ends now: say so, if nothing was said yet."""
        if not self.over:
            self.outlet.fail_response(503)
            self.give_up()

    def leave(self) -> None:
        """The application has let go of the request."""
        self.bridge.board.leave(self.slot)

    def failed(self, message: str, *, status: int = 500, **fields: object) -> None:
        """Name a fault; answer it with an error page, or cut the response if it has begun."""
        self.bridge.report(self.head, message, level=Level.ERROR, **fields)
        if not self.over:
            self.outlet.fail_response(status)
            self.give_up()

    def cannot_be_sent(self, error: Exception) -> None:
        """Say so of a head or a body that HTTP cannot carry, or of a file that has become shorter."""
        self.failed("the application's response cannot be sent", reason=str(error))

    def file_region(self, wrapper: FileWrapper) -> Region | None:
        """Return what sendfile(2) shall send, None for what is iterated over like anything else. In any thread.

        The response gets the Content-Length that it then has. The caller closes the descriptor.
        """
        if self.begun or self.response is None:
            return None
        region = wrapper.region()
        if region is None:
            return None
        descriptor, offset, left = region
        status, fields = self.response
        declared = declared_octets(fields)
        count = left if declared < 0 else declared
        if not SENDFILE_LEAST_OCTETS <= count <= left or status in BODILESS:
            os.close(descriptor)
            return None
        if declared < 0:
            self.response = status, [*fields, (b"content-length", b"%d" % count)]
        self.begun = self.complete = True
        return descriptor, offset, count

    async def send_file(self, region: Region) -> None:
        """Send the response whose body is this region, and close the descriptor. Never raises."""
        descriptor, offset, count = region
        try:
            if not self.over:
                assert self.response is not None  # file_region has seen it
                self.bridge.board.move(self.slot, Doing.WRITING)
                self.outlet.start_response(*self.response)
                await self.outlet.write_file(descriptor, offset, count)
                self.outlet.write_body(b"", LAST)
        except ClientDisconnected:
            pass
        except Exception as error:
            self.cannot_be_sent(error)
        finally:
            os.close(descriptor)

    def send_whole(self, body: bytes) -> None:
        """Send a response that was given at once. Raises what `check_whole` says of it."""
        outlet, response = self.outlet, self.response
        if type(body) is not bytes or response is None:
            self.check_whole(body)
        assert response is not None  # check_whole has seen it
        status, fields = response
        try:
            outlet.start_response(status, fields)
            outlet.write_body(body, LAST)
        except Exception as error:
            self.cannot_be_sent(error)

    def send(self, octets: bytes, *, more: bool) -> None:
        """Send a part of the body, after the head. Raises what HTTP cannot carry."""
        if not self._head_sent:
            self._head_sent = True
            assert self.response is not None  # `checked` has seen it
            self.outlet.start_response(*self.response)
        if octets or not more:
            self.outlet.write_body(octets, more)
