"""Paths with variables: "/courses/{course_id:int}/lessons/{slug}".

One job: take a pattern apart, convert texts of a path, and put a path together again.
Must not know: handlers, methods, the tree.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from veche.web.errors import UnknownRoute, WrongConfiguration
from veche.web.requests import quote_path

# At most 18 digits: the largest fits the 64-bit integers of every database. Not int() alone: it takes "+1", "1_0", "١".
DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,17}")
VARIABLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?\}")


class Converter(Struct, frozen=True):
    """One kind of variable. `read` gives None where the text is not of this kind."""

    name: str
    python_type: type
    read: Callable[[str], object | None]
    write: Callable[[object], str | None]


def _read_int(text: str) -> int | None:
    return int(text) if DIGITS.fullmatch(text) else None


def _write_int(value: object) -> str | None:
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) and DIGITS.fullmatch(str(value)) else None
    )


def _read_text(text: str) -> str | None:
    return text or None


def _write_segment(value: object) -> str | None:
    text = str(value)
    # A dot segment would be taken out by browsers before they ask (URL Standard §4.4).
    return text if text not in ("", ".", "..") and "/" not in text else None


def _write_path(value: object) -> str | None:
    return str(value).lstrip("/") or None


CONVERTERS: Final[Mapping[str, Converter]] = {
    "int": Converter("int", int, _read_int, _write_int),
    "str": Converter("str", str, _read_text, _write_segment),
    "path": Converter("path", str, _read_text, _write_path),
}


class Variable(Struct, frozen=True):
    """One segment with a variable in it; equal ones share a branch of the tree, whatever their names."""

    converter: Converter
    prefix: str = ""
    suffix: str = ""

    def read(self, segment: str) -> object | None:
        """Return the converted value, None where the segment does not fit."""
        if not self.prefix and not self.suffix:
            return self.converter.read(segment)
        end = len(segment) - len(self.suffix)
        if end <= len(self.prefix) or not segment.startswith(self.prefix) or not segment.endswith(self.suffix):
            return None
        return self.converter.read(segment[len(self.prefix) : end])


class PathPattern(Struct, frozen=True):
    """A pattern taken apart: each segment is fixed text or a Variable, whose name stands in `names`, in order."""

    text: str
    segments: tuple[str | Variable, ...]
    names: tuple[str, ...]

    @property
    def converters(self) -> dict[str, Converter]:
        """The converter of each variable by its name."""
        variables = (segment for segment in self.segments if isinstance(segment, Variable))
        return dict(zip(self.names, (variable.converter for variable in variables), strict=True))

    def build(self, values: Mapping[str, object]) -> str:
        """Return the path, percent-encoded. Raises UnknownRoute for a value that is missing or does not fit."""
        names = iter(self.names)
        parts: list[str] = []
        for segment in self.segments:
            if isinstance(segment, str):
                parts.append(segment)
                continue
            name = next(names)
            written = segment.converter.write(values[name]) if name in values else None
            if written is None:
                raise UnknownRoute(
                    f"path {self.text} needs {name}:{segment.converter.name}; got {values.get(name, 'nothing')!r}"
                )
            parts.append(segment.prefix + written + segment.suffix)
        return "/" + "/".join(quote_path(part) for part in parts)


def parse_pattern(text: str) -> PathPattern:
    """Return the pattern taken apart. Raises WrongConfiguration with the pattern and what is wrong in it."""
    if not text.startswith("/"):
        raise WrongConfiguration(f'path {text!r} must begin with "/"')
    segments: list[str | Variable] = []
    names: list[str] = []
    pieces = text[1:].split("/")
    for place, piece in enumerate(pieces):
        found = list(VARIABLE.finditer(piece))
        if not found:
            if "{" in piece or "}" in piece:
                raise WrongConfiguration(f"path {text!r}: cannot read {piece!r}; expected {{name}} or {{name:int}}")
            segments.append(piece)
            continue
        name, kind = found[0].groups()
        prefix, suffix = piece[: found[0].start()], piece[found[0].end() :]
        converter = CONVERTERS.get(kind or "str")
        _check(text, name, kind, names, several=len(found) > 1)
        assert converter is not None
        if converter.name == "path" and (place < len(pieces) - 1 or prefix or suffix):
            raise WrongConfiguration(
                f"path {text!r}: {{{name}:path}} takes all the rest, so it must be the whole last segment"
            )
        names.append(name)
        segments.append(Variable(converter, prefix, suffix))
    return PathPattern(text, tuple(segments), tuple(names))


def _check(text: str, name: str, kind: str | None, names: list[str], *, several: bool) -> None:
    if several:
        raise WrongConfiguration(f"path {text!r}: one segment can hold one variable")
    if kind is not None and kind not in CONVERTERS:
        raise WrongConfiguration(f"path {text!r}: unknown kind {kind!r}; known: {', '.join(CONVERTERS)}")
    if name in names:
        raise WrongConfiguration(f"path {text!r}: {name!r} stands in it twice")
