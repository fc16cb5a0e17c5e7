"""What a use case of accounts refuses; pages say each of them in the reader's language."""


class AccountsError(Exception):
    """The base of every error of this feature."""


class RegistrationClosed(AccountsError):
    """Nobody may register now, or not without an invitation; `invitation_needed` tells the two apart."""

    def __init__(self, *, invitation_needed: bool) -> None:
        super().__init__("registration needs an invitation link" if invitation_needed else "registration is closed")
        self.invitation_needed = invitation_needed


class NameTaken(AccountsError):
    """An account has this name, or one that looks like it; nothing was made."""


class WrongCredentials(AccountsError):
    """No account has this name and this password; which of the two was wrong is not said, on purpose."""


class AccountSuspended(AccountsError):
    """The password is right, and an administrator has suspended the member."""


class NoSuchMember(AccountsError):
    """The community has no such member."""


class LastAdministrator(AccountsError):
    """Nobody could administer the community any more; nothing was changed."""


class TooManyTokens(AccountsError):
    """The account has as many personal tokens as it may; `limit` of them. Revoke one first."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the account has {limit} personal tokens already; revoke one first")
        self.limit = limit
