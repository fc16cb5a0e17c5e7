"""One request that is answered in the loop's own thread (`--threads 0`).

One job: run the application between two looks at the sockets, and let an iterable wait for a slow reader.
Must not know: what the application may do (call.py).

No thread, no queue, no lock; and everything waits while the application works, every other connection of this worker
and its deadlines, too. So only whole requests get in, and a response that is not read goes on when it is.
"""

import asyncio
import traceback
from asyncio import _set_running_loop as set_running_loop
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from veche.server.bridges.exchange import ClientDisconnected, Outlet
from veche.server.bridges.faults import fault_of
from veche.server.bridges.wsgi.body import EMPTY, CollectedBody
from veche.server.bridges.wsgi.call import whole_body
from veche.server.bridges.wsgi.exchange import WsgiExchange
from veche.server.bridges.wsgi.file_wrapper import FileWrapper, Region
from veche.wire.h1 import RequestHead

if TYPE_CHECKING:
    from veche.server.bridges.wsgi.bridge import WsgiBridge

TURN_OCTETS: Final = 65536  # one response gives no more in one turn of the loop: the others want their turns
BLOCK_OCTETS: Final = 65536

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Piece = tuple[bytes, bool]  # octets, and whether more is to come
NO_PIECES: Final[Iterator[Piece]] = iter(())


class InlineExchange(WsgiExchange):
    """See the module. All of it happens in the loop's thread."""

    _context: Context  # of this request alone: parts of several responses take turns in one thread
    _result: Iterable[bytes] | None
    _pieces: Iterator[Piece]
    _written: CollectedBody | None  # by write(): nothing can leave before the application returns

    def fill(self, bridge: "WsgiBridge", outlet: Outlet, head: RequestHead) -> None:
        """See WsgiExchange."""
        super().fill(bridge, outlet, head)
        self._context = copy_context()
        self._result = None
        self._pieces = NO_PIECES
        self._written = None

    def begin(self) -> None:
        """Run the application; it may have answered when this returns."""
        bridge, outlet = self.bridge, self.outlet
        self.slot = bridge.board.enter(self.head.line.label, outlet.peer_label)
        environ = bridge.environs.environ_of(self.head, outlet, self._input, self._length)
        try:
            set_running_loop(None)  # as in _alone, but for what most requests do
            try:
                result = self._context.run(bridge.application, environ, self.start_response)
            finally:
                set_running_loop(bridge.loop)
            if type(result) is list and not self.begun:
                self.send_whole(result[0] if len(result) == 1 else b"".join(result))
                self._let_go()
                return
            self._result = result
            if type(result) is FileWrapper:
                region = self.file_region(result)
                if region is not None:
                    bridge.keep(self._deliver_file(region))
                    return
            body = whole_body(result)
            if body is None or self.begun:
                self._pieces = self._all_pieces(result)
                self._go_on()
                return
            self.send_whole(body)
        except BaseException as error:  # an application may even raise SystemExit
            self._say(error)
        self._close()

    async def _deliver_file(self, region: Region) -> None:
        await self.send_file(region)
        self._close()

    def body_is_large(self, collected: CollectedBody) -> None:
        """Only whole requests get in, and more than this is not kept."""
        collected.discard()
        if not self.over:
            self.outlet.fail_response(413)
            self.give_up()

    def give(self, part: bytes, *, more: bool) -> None:
        """Keep what write() was given, in memory or on disk."""
        if self._written is None:
            self._written = CollectedBody(self.bridge.limits.spool_octets)
        self._written.add(part)

    def _alone(
        self, call: Callable[Parameters, Result], *arguments: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Call something of the application's with the loop out of sight: Django and asgiref refuse to work in one."""
        set_running_loop(None)
        try:
            return self._context.run(call, *arguments, **named)
        finally:
            set_running_loop(self.bridge.loop)

    def _all_pieces(self, result: Iterable[bytes]) -> Iterator[Piece]:
        """What write() was given, then what the application yields."""
        if self._written is not None:
            with self._written.hand_out() as written:
                while block := written.read(BLOCK_OCTETS):
                    yield block, True
            if self.complete:
                yield b"", False
        for part in result:
            if len(part):
                yield part, self.checked(part, more=True)
        if not self.complete:
            yield b"", self.checked(b"", more=False)

    def _go_on(self) -> None:
        """Send pieces while the peer reads them, and not too many in one turn."""
        octets = 0
        try:
            # An application that has given all of its Content-Length may have something to do after that.
            while self.complete or not self.over:
                if octets >= TURN_OCTETS or not self.outlet.peer_reads():
                    self.bridge.keep(self._go_on_later())
                    return
                piece = self._alone(next, self._pieces, None)
                if piece is None:
                    break
                octets += len(piece[0])
                self._send(piece[0], more=piece[1])
        except BaseException as error:
            self._say(error)
        self._close()

    async def _go_on_later(self) -> None:
        await asyncio.sleep(0)
        await self.outlet.wait_writable()
        self._go_on()

    def _send(self, octets: bytes, *, more: bool) -> None:
        if self.over:
            return
        try:
            self.send(octets, more=more)
        except Exception as error:
            self.cannot_be_sent(error)

    def _close(self) -> None:
        """The application lets go of the request."""
        close = getattr(self._result, "close", None)
        if close is not None:
            try:
                self._alone(close)
            except BaseException as error:
                self._say(error)
        self._let_go()

    def _let_go(self) -> None:
        if self._input is not EMPTY:
            self._input.close()
        self.bridge.board.leave(self.slot)

    def _say(self, error: BaseException) -> None:
        if not isinstance(error, ClientDisconnected):
            self.failed(fault_of(error), traceback="".join(traceback.format_exception(error)))
