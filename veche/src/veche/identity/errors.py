"""What can go wrong with who someone is."""

from typing import final


class IdentityError(Exception):
    """The base of every error of this package; callers that can act catch a subclass."""


@final
class NameRefused(IdentityError):
    """The text cannot be an account name; `code` and `parameters` are those of a field error."""

    def __init__(self, code: str, **parameters: str | int | float) -> None:
        super().__init__(f"account name refused: {code} {parameters}; expected one word in one script; choose another")
        self.code = code
        self.parameters = parameters


@final
class PasswordRefused(IdentityError):
    """The text cannot be a password; `code` and `parameters` are those of a field error."""

    def __init__(self, code: str, **parameters: str | int | float) -> None:
        super().__init__(f"password refused: {code} {parameters}; choose another")
        self.code = code
        self.parameters = parameters


@final
class HashingBusy(IdentityError):
    """Too many passwords are waiting to be hashed; nothing was checked. Answer 503 and "try again"."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"password hashing is busy; nothing was checked; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@final
class TooManyAttempts(IdentityError):
    """The login throttle is closed; nothing was checked. `retry_after_seconds` is at least 1."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many login attempts; nothing was checked; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@final
class LinkSpent(IdentityError):
    """The one-time link is unknown, expired or already used; the three are not told apart, on purpose."""

    def __init__(self) -> None:
        super().__init__("this link is unknown, expired or already used; ask for a new one")
