"""How one HTTP/1 connection ends.

One job: an error that ends it, the wait until the peer can have read the last answer, the close, and the cut.
Must not know: why it ends.
"""

from veche.server.connections.clock import NEVER
from veche.server.connections.error_page import PLAIN_TEXT, error_page
from veche.server.connections.http1.state import LINGER, Http1State, Phase
from veche.server.connections.transport.resets import reset_when_closed


class Http1Endings(Http1State):
    """See the module."""

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with an error that ends the connection (RFC 9112 §9.6)."""
        writer = self.writer
        writer.begin(None, False)  # noqa: FBT003
        writer.start(status, PLAIN_TEXT)
        self.send(writer.body(error_page(status, reason), more=False, date_line=self.service.clock.date_line))
        self._log(status)
        self._linger()

    def _linger(self) -> None:
        """Let the peer read what was answered: end our side, throw away what still comes, for a bounded while."""
        if self._input_ended:
            self._close()
            return
        self.phase = LINGER
        self._discarded_octets = 0
        self.deadline = self.service.clock.deadline(self.service.limits.linger_seconds)
        self._body_paused = self._pipeline_paused = False
        self._set_reading()
        self.write_out()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _close(self) -> None:
        if self.phase < Phase.CLOSING:
            self.phase = Phase.CLOSING
            self.deadline = NEVER
            self.close_transport()

    def _cut(self) -> None:
        """End a response that can not be completed so that the peer sees that it is not whole."""
        self.exchange = None
        if self.writer.is_delimited:
            self._close()
        else:
            self.phase = Phase.CLOSING
            self.write_out()
            reset_when_closed(self.transport)  # a body that ends with the connection must not end in good order
            self.transport.abort()
