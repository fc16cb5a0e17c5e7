"""The bodies of the requests on one HTTP/1 connection, and what of an exchange is late.

One job: a body's flow control, its least rate, and the deadline of the application's answer.
Must not know: heads, what the octets are for.
"""

from veche.server.connections.http1.responses import Http1Responses
from veche.server.connections.http1.state import COMPLETE
from veche.wire.h1 import CONTINUE


class Http1Bodies(Http1Responses):
    """See the module."""

    # What the exchange asks for.

    @property
    def body_is_here(self) -> bool:
        return self.reader.rest_is_here

    def want_body(self) -> None:
        if self._continue_due:
            self._continue_due = False
            if self.writer.head_is_due and not self._body_octets:  # RFC 9110 §10.1.1: never after the final response
                self.send(CONTINUE)
            self._watch_body()
        if self._body_paused:
            self._body_paused = False
            self._set_reading()
            self._watch_body()

    def pause_body(self) -> None:
        if self.reader.state is not COMPLETE and not self._body_paused:
            self._body_paused = True
            self._set_reading()
            self._request_deadline = self.service.clock.now + self.service.request_ticks
            self._watch_body()

    # What is late.

    def _check_exchange(self, now: float) -> None:
        """See what is late: the application's answer, or the rest of the request's body."""
        if self.reader.state is not COMPLETE:
            self._check_body_rate(now)
        elif self.writer.head_is_due:
            self._give_request_up()

    def _give_request_up(self) -> None:
        """Answer for an application that does not."""
        exchange = self.exchange
        if exchange is not None:
            exchange.deadline_passed()
            self.fail_response(504)

    def _watch_body(self) -> None:
        self._body_mark = self._body_octets
        clock = self.service.clock
        self.deadline = clock.deadline(self.service.limits.body_stall_seconds)
        if (self._body_paused or self._continue_due) and clock.now < self._request_deadline < self.deadline:
            self.deadline = self._request_deadline  # it is the application that is waited for

    def _check_body_rate(self, now: float) -> None:
        if self._body_paused or self._continue_due:  # it is the application that does not read
            if self._request_deadline <= now and self.writer.head_is_due:
                self._give_request_up()
            else:
                self._watch_body()
            return
        limits = self.service.limits
        least = max(1, int(limits.body_least_octets_per_second * limits.body_stall_seconds))
        if self._body_octets - self._body_mark >= least:
            self._watch_body()
            return
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.peer_lost()
        self.service.client_was_silent(self.client, "did not send the body of its request")
        if self.writer.head_is_due:
            self._refuse(408, "the body of the request did not arrive in time")
        else:
            self._log(self.writer.status)
            self._cut()
