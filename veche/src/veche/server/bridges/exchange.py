"""The seam between a connection and a bridge: one request and its response.

One job: the types that both sides hold, so that HTTP/1.1 and HTTP/2, ASGI and WSGI can be put together freely.
Must not know: sockets, applications, how either side does its part.
"""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, Final, Protocol

from veche.log import Level
from veche.wire.extending import mypyc_attr
from veche.wire.h1 import RequestHead
from veche.wire.websocket import Handshake

Address = tuple[str, int] | tuple[str, None]
Tls = Mapping[str, Any] | None  # the ASGI `tls` extension's fields; None without TLS


@mypyc_attr(native_class=False)  # no compiled class can be an OSError
class ClientDisconnected(OSError):
    """The client is gone: what is sent goes nowhere. ASGI says that `send` raises an OSError then."""


@mypyc_attr(native_class=False)
class FileTooShort(OSError):
    """A file has fewer octets than the response has promised: the response must be cut."""


class Ends(Protocol):
    """Between whom a request travels, and how; where there is a trusted proxy, as that says."""

    scheme: str  # "http" or "https"
    client: Address | None
    local: Address | None
    tls: Tls


class Flow(Protocol):
    """Whether the peer reads what is sent."""

    def peer_reads(self) -> bool:
        """Return False while the peer does not read: `await wait_writable()` before writing more."""

    def wait_writable(self) -> Awaitable[None]:
        """Return when the peer reads, or is gone."""


class Outlet(Ends, Flow, Protocol):
    """What a connection offers to the exchange that it serves. All of it is called in the loop's thread."""

    peer_label: bytes  # the client as the scoreboard shows it: `peer_label(client)`, made once for a connection

    @property
    def body_is_here(self) -> bool:
        """Whether, in Exchange.start, the whole body is about to be given: who wants it may wait that long."""

    def start_response(self, status: int, fields: Iterable[tuple[bytes, bytes]], trailers: bool = False) -> None:
        """Check and keep the head; it is sent with the first octets of the body. Raises ResponseRefused.

        trailers: the response will end with `write_trailers`.
        """

    def send_informational(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Send a 1xx head at once; nothing to a client that cannot read it. Raises ResponseRefused."""

    def write_body(self, octets: bytes, more: bool) -> bool:
        """Send a part of the body, the last with more=False, and return what `peer_reads` now says.

        Raises BodyMismatch before anything wrong is sent.
        """

    def write_trailers(self, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """End a response that was started with trailers, after all of its body was written with more=True.

        The fields go only to a client that asked for them (`te: trailers`). Raises ResponseRefused.
        """

    def write_file(self, descriptor: int, offset: int, count: int) -> Awaitable[None]:
        """Send `count` octets of a file as a part of the body; `write_body(b"", more=False)` still ends the response.

        Returns when the peer has taken almost all of it, so that the file may be closed. Raises ClientDisconnected,
        BodyMismatch before anything wrong is sent, FileTooShort when the file ends early.
        """

    def fail_response(self, status: int) -> None:
        """Answer with an error page of this status if nothing was sent yet; else cut the response visibly short."""

    def accept_websocket(self, exchange: "WebSocketExchange", fields: Iterable[tuple[bytes, bytes]]) -> "SocketOutlet":
        """Answer 101 with these fields; from now on the connection is a WebSocket. Raises ResponseRefused."""

    def progress(self) -> tuple[int, int]:
        """Return how many octets of the request's body have come, and of the response's body were given to us."""

    def want_body(self) -> None:
        """What came of the body is taken, and more is waited for: read the socket, and say 100 Continue if the client
        waits for that. An exchange that does not call this has its client stopped, sooner or later."""

    def pause_body(self) -> None:
        """The exchange holds as much of the body as it will: stop reading the socket until `want_body`."""


class Exchange(Protocol):
    """What a bridge offers to the connection: one request on its way through the application.

    began: time.monotonic() when the application was called, where that was later than `start`; else 0.
    """

    began: float

    @property
    def running(self) -> bool:
        """Whether the application still has the request, though its response may have ended."""

    def start(self) -> None:
        """Give the request to the application, now or when there is room for it."""

    def body_received(self, octets: bytes) -> None:
        """Take a part of the request's body."""

    def request_ended(self) -> None:
        """Note that the body is whole."""

    def response_ended(self) -> None:
        """Note that the response is complete: the connection has no more to do with this exchange."""

    def input_ended(self) -> None:
        """Note that the client sends no more; it may be gone, or it may still read the response."""

    def peer_lost(self) -> None:
        """Note that the client is gone, or that its request turned out to be broken: nothing can be sent any more."""

    def deadline_passed(self) -> None:
        """Give the request up: it has not been answered in `request_seconds`. The connection answers 504."""

    def shutting_down(self) -> None:
        """The server stops: a response that never ends by itself should end now."""

    def stop(self) -> None:
        """The server stops soon: any response should end now."""


class SocketOutlet(Flow, Protocol):
    """What an accepted WebSocket offers to its exchange."""

    def send_text(self, text: str) -> bool:
        """Send a text message, and return what `peer_reads` now says. Raises SendAfterClose once a Close was sent."""

    def send_binary(self, octets: bytes) -> bool:
        """Send a binary message in the same way."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake. Raises ValueError for a code that may not be sent."""

    def want_messages(self) -> None:
        """Read the socket, after pause_messages."""

    def pause_messages(self) -> None:
        """Leave what comes in the kernel."""


class WebSocketExchange(Exchange, Protocol):
    """One WebSocket on its way through the application; an HTTP exchange until it is accepted."""

    def message_received(self, message: str | bytes) -> None:
        """Take a message."""

    def closed(self, code: int, reason: str) -> None:
        """Note that no more messages come."""


class Bridge(Protocol):
    """One application behind its interface."""

    def open_exchange(self, outlet: Outlet, head: RequestHead) -> Exchange:
        """Return the exchange for a request; `start()` it after the connection has taken hold of it."""

    def open_websocket(self, outlet: Outlet, head: RequestHead, handshake: Handshake) -> WebSocketExchange | None:
        """Return the exchange for a WebSocket; None where the interface knows none."""

    @property
    def running(self) -> int:
        """How many requests are in the application now, those included whose response has ended."""

    def tell_board(self) -> None:
        """Say in the scoreboard how far the requests are that last; called once a tick."""

    def cancel_all(self) -> None:
        """Stop what still runs: the deadline of a drain is over."""

    def close(self) -> None:
        """No request will come any more: give back what was kept for them."""


class Reporter(Protocol):
    """Where a bridge tells the operator about the application's faults."""

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None: ...


ASGI_VERSIONS: Final = {"version": "3.0", "spec_version": "2.3"}


def tls_extension(outlet: Outlet) -> dict[str, dict[str, Any]]:
    """Return what ASGI's `extensions` say of TLS: nothing without it."""
    return {} if outlet.tls is None else {"tls": dict(outlet.tls)}
