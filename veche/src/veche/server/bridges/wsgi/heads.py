"""An application's status and headers as octets (PEP 3333, "The start_response() Callable").

One job: "404 Not Found" and a list of pairs of texts → a number and pairs of octets, remembered for the next time.
Must not know: which octets HTTP can carry (`veche.wire.h1` checks that where they are written).
"""

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from veche.wire.h1 import ResponseRefused

STATUS: Final = re.compile(r"[1-5][0-9][0-9](?: .*)?", re.DOTALL)
REMEMBERED_FIELDS: Final = 2048
REMEMBERED_CHARACTERS: Final = 512
NOT_REMEMBERED: Final = frozenset({"set-cookie"})  # credentials are not kept longer than their response

Field: TypeAlias = tuple[bytes, bytes]
Head: TypeAlias = tuple[int, list[Field]]


class ResponseHeads:
    """Reads heads; one for all responses of a worker. What it remembers is bounded in number and length."""

    def __init__(self) -> None:
        self._statuses: dict[str, int] = {}
        # Any: a pair of octets stays the one object that it is, also where this is compiled.
        self._fields: dict[Any, Any] = {}

    def read(self, status: Any, headers: Any) -> Head:
        """Return the head as octets. Raises ResponseRefused for what is not Latin-1, or no status.

        Any: what an application says is looked at in words of ours, also where this is compiled.
        """
        known = self._fields
        try:
            return self._statuses[status], [known[pair] for pair in headers]
        except (KeyError, TypeError):  # TypeError: a pair that is a list
            return self._read_status(status), [self._read_field(*pair) for pair in headers]

    def _read_status(self, status: str) -> int:
        if not isinstance(status, str) or not STATUS.fullmatch(status):
            raise ResponseRefused(f"status {status!r} is not three digits and a reason (PEP 3333)")
        code = int(status[:3])
        if len(status) <= REMEMBERED_CHARACTERS:
            if len(self._statuses) >= REMEMBERED_FIELDS:
                self._statuses.clear()
            self._statuses[status] = code
        return code

    def _read_field(self, name: str, value: str) -> Field:
        try:
            field = name.encode("latin-1"), value.encode("latin-1")
        except (UnicodeEncodeError, AttributeError) as error:
            raise ResponseRefused(
                f"header {name!r}: {value!r} cannot be sent; expected texts of Latin-1 characters (PEP 3333)"
            ) from error
        if len(name) + len(value) <= REMEMBERED_CHARACTERS and name.lower() not in NOT_REMEMBERED:
            if len(self._fields) >= REMEMBERED_FIELDS:
                self._fields.clear()
            self._fields[name, value] = field
        return field


def declared_octets(fields: Iterable[Field]) -> int:
    """Return the Content-Length that the application said, -1 when it said none."""
    for name, value in fields:
        if len(name) == 14 and name.lower() == b"content-length" and value.isdigit():
            return int(value[:19])  # more digits are refused where it is written
    return -1
