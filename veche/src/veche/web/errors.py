"""Every error of the framework.

One job: name what went wrong, and carry what the client may be told.
Must not know: how an error becomes a page (error_pages.py).
"""

from collections.abc import Mapping

from veche.http import phrase


class WebError(Exception):
    """The base of every error that veche.web raises."""


class HTTPException(WebError):
    """An answer with a status, raised: `raise HTTPException(404)`.

    detail: one sentence for the client. headers: added to the answer.
    members: further members of a problem+json document (RFC 9457 §3.2), such as {"errors": [...]}.
    """

    def __init__(
        self,
        status_code: int,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status_code} {detail or phrase(status_code)}")
        self.status_code = status_code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})


class ClientDisconnect(WebError, ConnectionError):
    """The client went away: nobody is left to answer. An OSError, as ASGI 2.4 wants of a send that comes too late."""


class WebSocketDisconnect(WebError):
    """The other end closed the socket, or vanished (code 1006)."""

    def __init__(self, code: int = 1000, reason: str = "") -> None:
        super().__init__(f"WebSocket closed with {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class ResponseInterrupted(WebError):
    """The application failed after the answer had begun: the server must cut the connection, not end it politely."""


class WrongConfiguration(WebError):
    """A mistake in the application's own code, found at start; the message names the file and the line."""


class UnknownRoute(WebError):
    """No route has that name, or its path lacks one of the parameters given to url_for."""


class StartupRefused(WebError):
    """Raised in a lifespan: the application cannot start until an operator acts, and the text says how.

    The server shows the text alone; any other exception is a bug and is shown with its traceback.
    """
