"""One call of a WSGI application (PEP 3333, "Specification Details").

One job: what the application may do with start_response, write() and its iterable, in which order, and what is told to
it when it does something else.
Must not know: threads, loops, connections; where the parts of the body go (whoever extends this says).
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from veche.asgi import ExceptionTriple
from veche.server.bridges.exchange import ClientDisconnected
from veche.server.bridges.wsgi.heads import Head, ResponseHeads, declared_octets

WHOLE_TYPES: Final = (list, tuple)


class ApplicationCall:
    """The state of one response.

    There is no `__init__`: CPython calls a class without one in a third of the time. Whoever makes a call of this
    `fill`s it, and nothing has its first value in the class (docs/decisions/attributes-of-hot-classes.md).
    """

    heads: ResponseHeads
    began: float
    response: Head | None
    begun: bool  # something of the body was given: the head can not be replaced any more
    complete: bool  # the body was given to its end
    over: bool  # nothing more can be sent: the response is complete, or the client is gone
    _rest_octets: int  # of the Content-Length that the application said

    def give(self, part: bytes, *, more: bool) -> None:
        """Take a part of the body that `checked` has approved."""
        raise NotImplementedError

    def start_response(
        self, status: Any, headers: Any, exc_info: ExceptionTriple | None = None, /
    ) -> Callable[[bytes], object]:
        """Take the head. It is sent with the first part of the body that is not empty.

        Any: what comes from an application is checked in words of ours (heads.py), also where this is compiled.
        """
        if exc_info is not None:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback holds this frame
        elif self.response is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333)")
        self.response = self.heads.read(status, headers)
        return self.write

    def write(self, part: bytes, /) -> None:
        """The callable that start_response returns, for applications from before there were iterables."""
        if len(part):
            self.give(part, more=self.checked(part, more=True))

    def give_parts(self, parts: Iterable[bytes]) -> None:
        """Give what the application yields."""
        for part in parts:
            if len(part):  # PEP 3333: the head leaves with the first part that is not empty
                self.give(part, more=self.checked(part, more=True))
        if not self.complete:
            self.give(b"", more=self.checked(b"", more=False))

    def give_rest(self, part: bytes) -> None:
        """Give the end of a body of which write() may have given the beginning."""
        if part or not self.complete:
            self.give(part, more=self.checked(part, more=False))

    def check_whole(self, body: bytes) -> None:
        """Raise unless this may be the whole body; its length is checked where it is sent.

        Callers that see bytes after a head need not call it.
        """
        if not isinstance(body, bytes):
            raise TypeError(f"a WSGI body is made of bytes; got {type(body).__name__} (PEP 3333)")
        if self.response is None:
            raise AssertionError("the application gave a body before it called start_response (PEP 3333)")

    def checked(self, part: bytes, *, more: bool) -> bool:
        """Return whether more is to come after this part.

        Raises ClientDisconnected, TypeError for what is not bytes, and AssertionError for a part that is too early or
        too late.
        """
        if not isinstance(part, bytes):
            raise TypeError(f"a WSGI body is made of bytes; got {type(part).__name__} (PEP 3333)")
        if self.response is None:
            raise AssertionError("the application gave a body before it called start_response (PEP 3333)")
        if self.complete:
            raise AssertionError("the application gave more than its Content-Length (PEP 3333)")
        if self.over:
            raise ClientDisconnected("the client is gone")
        if not self.begun:
            self.begun = True
            self._rest_octets = declared_octets(self.response[1])
        if more and len(part) == self._rest_octets:
            more = False  # Content-Length says that this is all: it need not wait for the iterable to say so
        self._rest_octets -= len(part)
        if not more:
            self.complete = True
        return more


def whole_body(result: object) -> bytes | None:
    """Return the body of an application that gave all of it at once, None for one that must be iterated over."""
    if isinstance(result, WHOLE_TYPES):
        return result[0] if len(result) == 1 else b"".join(result)
    return None
