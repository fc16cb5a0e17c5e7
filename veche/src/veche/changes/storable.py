"""What converts but no database of ours can keep.

One job: find characters and numbers that SQLite or PostgreSQL refuse, or that no page can show, before they get there.
Must not know: form types beyond their being Structs.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from veche.changes.errors import FieldError

# NUL is refused by PostgreSQL's text, lone surrogates by UTF-8, the other controls by HTML and XML. Tab, line feed and
# carriage return are text.
FORBIDDEN_PATTERN: Final = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]"
FORBIDDEN: Final = re.compile(FORBIDDEN_PATTERN)
LARGEST_INTEGER: Final = 2**63 - 1  # BIGINT
SMALLEST_INTEGER: Final = -(2**63)


def unstorable(value: object, field: str) -> Iterator[FieldError]:
    """Yield an error for every text and number inside value that cannot be stored."""
    match value:
        case str():
            if found := sorted(set(FORBIDDEN.findall(value))):
                yield FieldError(field, "forbidden_characters", {"characters": name_characters(found)})
        case bool():
            return
        case int():
            if value > LARGEST_INTEGER:
                yield FieldError(field, "too_large", {"max": LARGEST_INTEGER})
            elif value < SMALLEST_INTEGER:
                yield FieldError(field, "too_small", {"min": SMALLEST_INTEGER})
        case float():
            if not math.isfinite(value):
                yield FieldError(field, "number")
        case msgspec.Struct():
            # Not structs.fields(): it reads the annotations anew each time, 20 times the cost of a whole cast.
            for attribute, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
                item = getattr(value, attribute)
                if item is not None and not (isinstance(item, str) and FORBIDDEN.search(item) is None):
                    yield from unstorable(item, under(field, name))
        case list() | tuple() | set() | frozenset():
            for number, item in enumerate(value):
                yield from unstorable(item, under(field, str(number)))
        case Mapping():
            for key, item in value.items():
                yield from unstorable(key, field)
                yield from unstorable(item, under(field, str(key)))


def under(field: str, name: str) -> str:
    """Return the dotted name of what stands under name inside field; "" is the whole form."""
    return f"{field}.{name}" if field else name


def name_characters(characters: list[str]) -> str:
    """Return characters as a reader can see them: themselves in quotes, or U+0000 where nothing would be seen."""
    return ", ".join(
        f"“{one}”" if one.isprintable() and not one.isspace() else f"U+{ord(one):04X}" for one in characters
    )
