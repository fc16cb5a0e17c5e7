"""The errors of the server that its operator can act on.

One job: the base class and what its callers tell apart.
Must not know: how any of them is printed.
"""


class ServerError(Exception):
    """Something about running the server went wrong; the text says what, what was expected, and what to do."""


class NoWorkerError(ServerError):
    """The kernel refuses a worker, and nobody serves yet."""


class AddressError(ServerError):
    """An address cannot be understood or cannot be listened on."""


class ApplicationError(ServerError):
    """The application cannot be found, imported or made."""


class TlsError(ServerError):
    """A certificate or key cannot be used."""
