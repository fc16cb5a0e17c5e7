"""The field lines of one message (RFC 9110 §5), kept in the order in which they came.

One job: find, add and replace field lines without regard to case.
Must not know: what any field means.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from veche.http.errors import BadFieldLine

RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

FIELD_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# CR and LF would start another field line or the body (response splitting); NUL is refused by §5.5 too.
FORBIDDEN_IN_VALUE: Final = re.compile(rb"[\r\n\x00]")


def field_line(name: str, value: str) -> tuple[bytes, bytes]:
    """Return (name in lower case, value) as octets.

    Raises BadFieldLine when either could break out of its line, or is outside latin-1.
    """
    try:
        raw_name, raw_value = name.lower().encode("latin-1"), value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise BadFieldLine(f"field {name!r} has characters outside latin-1; percent-encode the value first") from error
    if not FIELD_NAME.fullmatch(raw_name):
        raise BadFieldLine(f"field name {name!r} is not a token (RFC 9110 §5.1)")
    if FORBIDDEN_IN_VALUE.search(raw_value):
        raise BadFieldLine(f"value of field {name!r} holds CR, LF or NUL; remove them before it is sent")
    return raw_name, raw_value


class Headers(Mapping[str, str]):
    """Field lines read without regard to case; `headers[name]` is the first line of that name.

    `getlist(name)` is every line of that name, `raw` the octets with names in lower case, as ASGI gives them.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] | Mapping[str, str] = (), /) -> None:
        if isinstance(raw, Mapping):
            raw = [field_line(name, value) for name, value in raw.items()]
        self.raw: RawHeaders = raw if isinstance(raw, list) else list(raw)

    def __getitem__(self, name: str) -> str:
        wanted = name.lower().encode("latin-1", "replace")
        for raw_name, value in self.raw:
            if raw_name == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def getlist(self, name: str) -> list[str]:
        """Return the values of every line of that name, in order."""
        wanted = name.lower().encode("latin-1", "replace")
        return [value.decode("latin-1") for raw_name, value in self.raw if raw_name == wanted]

    def multi_items(self) -> list[tuple[str, str]]:
        """Return every line, repeated names included."""
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        wanted = name.lower().encode("latin-1", "replace")
        return any(raw_name == wanted for raw_name, _value in self.raw)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _value in self.raw))

    def __len__(self) -> int:
        return len({name for name, _value in self.raw})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw!r})"


class MutableHeaders(Headers):
    """Headers of a message that is being made; every value is checked against response splitting."""

    __slots__ = ()

    def __setitem__(self, name: str, value: str) -> None:
        """Put one line of that name in the place of all that stood."""
        line = field_line(name, value)
        kept = [(raw_name, raw_value) for raw_name, raw_value in self.raw if raw_name != line[0]]
        kept.append(line)
        self.raw[:] = kept

    def __delitem__(self, name: str) -> None:
        """Remove every line of that name; nothing happens where there is none."""
        wanted = name.lower().encode("latin-1", "replace")
        self.raw[:] = [(raw_name, value) for raw_name, value in self.raw if raw_name != wanted]

    def append(self, name: str, value: str) -> None:
        """Add one line, leaving others of that name (set-cookie needs it)."""
        self.raw.append(field_line(name, value))

    def setdefault(self, name: str, value: str) -> None:
        """Add the line where none of that name stands."""
        if name not in self:
            self.append(name, value)

    def add_vary(self, name: str) -> None:
        """Say that the answer depends on this request field (RFC 9110 §12.5.5)."""
        names = [part.strip() for value in self.getlist("vary") for part in value.split(",") if part.strip()]
        if name.lower() not in (known.lower() for known in names):
            self["vary"] = ", ".join([*names, name])
