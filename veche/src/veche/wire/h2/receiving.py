"""Flow control of what a peer sends (RFC 9113 §5.2, §6.9).

One job: what it may still send, for the connection and for each stream, and the credit that it gets back.
Must not know: other frames than WINDOW_UPDATE, what the octets are.

Credit is given for octets that the application has taken, not for those that merely arrived: what waits here is
bounded by the windows. It is given in halves of a window, so that not every octet costs a frame.
"""

from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
from veche.wire.h2.frames import INITIAL_WINDOW, window_update
from veche.wire.h2.limits import Limits
from veche.wire.h2.stream import OPEN, Stream


class ReceivingWindows:
    """The receiving half of an engine's books."""

    outgoing: list[bytes]
    limits: Limits
    receive_window = INITIAL_WINDOW
    _credit_due = 0

    def _start_receiving(self, limits: Limits) -> None:
        self._connection_half = max(1, limits.connection_window_octets // 2)
        self._stream_half = max(1, limits.stream_window_octets // 2)

    def _open_connection_window(self) -> None:
        more = self.limits.connection_window_octets - INITIAL_WINDOW
        if more > 0:  # SETTINGS cannot say it, and nothing can make it smaller (§6.9.2)
            self.receive_window += more
            self.outgoing.append(window_update(0, more))

    def consumed(self, stream: Stream) -> None:
        """Note that the application has taken all that the stream has received."""
        octets, stream.unconsumed_octets = stream.unconsumed_octets, 0
        if octets:
            self._credit(stream, octets)

    def release(self, stream: Stream) -> None:
        """Give the connection back what nobody will take any more: the stream is over."""
        octets, stream.unconsumed_octets = stream.unconsumed_octets, 0
        if octets:
            self._credit_connection(octets)

    def _debit_connection(self, octets: int) -> None:
        self.receive_window -= octets
        if self.receive_window < 0:
            raise ConnectionBroken(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")

    def _debit_stream(self, stream: Stream, octets: int) -> None:
        stream.receive_window -= octets
        if stream.receive_window < 0:
            self._credit_connection(octets)
            raise StreamBroken(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window")

    def _credit(self, stream: Stream, octets: int) -> None:
        if not octets:
            return
        self._credit_connection(octets)
        if stream.state is OPEN:
            stream.credit_due += octets
            if stream.credit_due >= self._stream_half:
                self.outgoing.append(window_update(stream.stream_id, stream.credit_due))
                stream.receive_window += stream.credit_due
                stream.credit_due = 0

    def _credit_connection(self, octets: int) -> None:
        self._credit_due += octets
        if self._credit_due >= self._connection_half:
            self.outgoing.append(window_update(0, self._credit_due))
            self.receive_window += self._credit_due
            self._credit_due = 0
