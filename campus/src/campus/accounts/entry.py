"""What the handlers share that let somebody in: where the request comes from, the services, the cookie.

One job: run a login of any kind, and turn what it refuses into errors of the form.
Must not know: which page asked.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from campus.accounts.actions import Visit
from campus.accounts.cookie import SessionCookie
from campus.accounts.errors import AccountSuspended, NameTaken, WrongCredentials
from campus.accounts.services import Identity
from veche.data import UnitsOfWork
from veche.identity import HashingBusy, TooManyAttempts
from veche.web import RedirectResponse, Request, Response
from veche.web.forms import Form

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Attempt(Generic[T]):
    """How a login went: a session's secret, or the form with what was wrong, and the status and headers to say so."""

    form: Form[T]
    secret: str = ""
    status_code: int = 422
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """Provided to handlers by type."""

    request: Request
    visit: Visit
    units: UnitsOfWork
    identity: Identity
    cookie: SessionCookie

    async def attempt(
        self, form: Form[T], login: Awaitable[str], *, wrong: tuple[str, str] = ("", "wrong_credentials")
    ) -> Attempt[T]:
        """Return what came of the login, an action that gives a session's secret.

        wrong: the field, and the code that stands beside it when the password is not right.
        """
        try:
            return Attempt(form, await login)
        except NameTaken:
            return Attempt(form.with_error("account_name", "name_taken"))
        except WrongCredentials:
            return Attempt(form.with_error(*wrong))
        except AccountSuspended:
            return Attempt(form.with_error("", "suspended"), status_code=403)
        except TooManyAttempts as error:
            minutes = -(-error.retry_after_seconds // 60)
            refused = form.with_error("", "too_many_attempts", minutes=minutes)
            return Attempt(refused, status_code=429, headers={"retry-after": str(error.retry_after_seconds)})
        except HashingBusy as error:
            refused = form.with_error("", "busy", seconds=error.retry_after_seconds)
            return Attempt(refused, status_code=503, headers={"retry-after": str(error.retry_after_seconds)})

    def admit(self, secret: str, address: str) -> Response:
        """Return the redirect that carries the new session's cookie."""
        response = RedirectResponse(address)
        self.cookie.give(response, self.request, secret)
        return response


async def provide_entry(
    request: Request, visit: Visit, units: UnitsOfWork, identity: Identity, cookie: SessionCookie
) -> Entry:
    """Provide the Entry of a request."""
    return Entry(request, visit, units, identity, cookie)


def same_site_address(text: str) -> str:
    """Return the text if it is a path on this site, otherwise "/": a link to our login must not lead elsewhere."""
    # Browsers read "/\evil.example" and "//evil.example" as a host, and drop tabs and line breaks before they look.
    if not text.startswith("/") or text[1:2] == "/" or any(character <= " " or character == "\\" for character in text):
        return "/"
    return text
