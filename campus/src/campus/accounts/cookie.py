"""The session cookie: its name, its flags, its life.

One job: read it from a request, put it on an answer, take it away.
Must not know: what the secret in it opens.
"""

from dataclasses import dataclass
from datetime import timedelta

from veche.identity import session_cookie_name
from veche.web import HTTPConnection, Response


@dataclass(frozen=True)
class SessionCookie:
    """secure: the site is reached by https only, so the name can promise it (`__Host-`)."""

    secure: bool
    lifetime: timedelta

    @property
    def name(self) -> str:
        """The cookie's name."""
        return session_cookie_name(secure=self.secure)

    def read(self, connection: HTTPConnection) -> str:
        """Return the secret that the browser sent, "" for none."""
        return connection.cookies.get(self.name, "")

    def give(self, response: Response, connection: HTTPConnection, secret: str) -> None:
        """Let the browser keep the secret, out of reach of scripts (HttpOnly) and of other sites' forms (SameSite)."""
        seconds = round(self.lifetime.total_seconds())
        secure = self.is_secure(connection)
        response.set_cookie(self.name, secret, max_age_seconds=seconds, secure=secure, same_site="Lax")

    def take(self, response: Response, connection: HTTPConnection) -> None:
        """Let the browser forget the secret."""
        response.delete_cookie(self.name, secure=self.is_secure(connection))

    def is_secure(self, connection: HTTPConnection) -> bool:
        """Return whether cookies on this connection are for https only."""
        return self.secure or connection.scope["scheme"] == "https"
