"""mdBook's include directives (https://rust-lang.github.io/mdBook/format/mdbook.html#including-files).

One job: lines with directives in, lines with the included text out, and a gap for what is not there.
Must not know: lessons, links, how a gap is shown.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from campus.importing.model import GapReason, ImportLimits, ImportRefused
from campus.importing.outline import SourceLine
from campus.importing.source import SourceFolder

DIRECTIVE: Final = re.compile(
    r"\\\{\{\s*#(?P<escaped>.*?)\}\}"
    r"|\{\{\s*#(?P<kind>include|rustdoc_include|playground|playpen)\s+(?P<target>[^}\s]+)[^}]*\}\}"
    r"|\{\{\s*#title\s[^}]*\}\}"
)
ANCHOR: Final = re.compile(r"ANCHOR:\s*(?P<name>[\w-]+)")
ANCHOR_END: Final = re.compile(r"ANCHOR_END:\s*(?P<name>[\w-]+)")
CONTAINER: Final = re.compile(r"[\s>]*")


class Absence(msgspec.Struct, frozen=True):
    """A line in place of what is missing. target: as written. file, number: where the reference stands."""

    target: str
    reason: GapReason
    file: str
    number: int


class _Refused(Exception):
    def __init__(self, reason: GapReason) -> None:
        super().__init__(reason)
        self.reason = reason


Piece = SourceLine | Absence


class Includer:
    """Expands the directives of one course's texts."""

    def __init__(self, folder: SourceFolder, limits: ImportLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._octets = 0

    def expand(self, lines: Sequence[SourceLine], source: str) -> list[Piece]:
        """Return the lines with every directive replaced; raises ImportRefused for circles and depth.

        An Absence stands after the line that refers to it, or in place of that line when it holds nothing else.
        """
        self._octets = 0
        return list(self._expand(lines, source.rpartition("/")[0], ()))

    def _expand(self, lines: Sequence[SourceLine], base: str, above: tuple[str, ...]) -> Iterator[Piece]:
        for line in lines:
            self._octets += len(line.text) + 1
            if self._octets > self._limits.text_octets:
                reason = f"the lesson with all it includes is longer than {self._limits.text_octets} octets"
                raise ImportRefused(reason, file=line.file, line=line.number)
            if "{{" in line.text:
                yield from self._expand_line(line, base, above)
            else:
                yield line

    def _expand_line(self, line: SourceLine, base: str, above: tuple[str, ...]) -> Iterator[Piece]:
        absences: list[Absence] = []
        pieces: list[Piece] = []
        text = ""
        position = 0
        for directive in DIRECTIVE.finditer(line.text):
            text += line.text[position : directive.start()]
            position = directive.end()
            if directive["escaped"] is not None:
                text += directive.group()[1:]
            elif directive["kind"] is not None:
                try:
                    included = self._included(directive, line, base, above)
                except _Refused as refusal:
                    absences.append(Absence(directive["target"], refusal.reason, line.file, line.number))
                else:
                    pieces += self._joined(text, included, line)
                    text = ""
        text += line.text[position:]
        last = pieces[-1] if pieces else None
        stands_alone = not text.strip(" \t>") and (pieces or absences or text != line.text)
        if isinstance(last, SourceLine) and not stands_alone:
            pieces[-1] = msgspec.structs.replace(last, text=last.text + text)
        elif not stands_alone:
            pieces.append(SourceLine(text, line.file, line.number))
        yield from pieces
        yield from absences

    def _joined(self, before: str, included: list[Piece], line: SourceLine) -> Iterator[Piece]:
        """The included lines after the text before them; in a list or a quotation each gets its indentation."""
        container = CONTAINER.match(before)
        indentation = container.group() if container and container.end() == len(before) else ""
        for number, piece in enumerate(included):
            if isinstance(piece, Absence):
                yield piece
            elif number == 0:
                yield SourceLine(before + piece.text, line.file, line.number)
            else:
                yield SourceLine(indentation + piece.text, piece.file, piece.number)

    def _included(self, directive: re.Match[str], line: SourceLine, base: str, above: tuple[str, ...]) -> list[Piece]:
        target = directive["target"]
        name, _colon, selection = target.partition(":")
        path = self._folder.path_from(base, name)
        if path is None:
            raise _Refused(GapReason.OUTSIDE)
        if not self._folder.has(path):
            raise _Refused(GapReason.MISSING_FILE)
        if f"{path}:{selection}" in above:
            raise ImportRefused(f"{target} includes itself", file=line.file, line=line.number)
        if len(above) >= self._limits.include_depth:
            reason = f"includes are nested more than {self._limits.include_depth} deep"
            raise ImportRefused(reason, file=line.file, line=line.number)
        whole = self._folder.text(path).removesuffix("\n").split("\n")
        numbered = [SourceLine(text, path, number) for number, text in enumerate(whole, start=1)]
        chosen = _selected(numbered, selection)
        expanded = list(self._expand(chosen, path.rpartition("/")[0], (*above, f"{path}:{selection}")))
        if directive["kind"] in {"playground", "playpen"}:
            fence = [SourceLine(mark, line.file, line.number) for mark in ("```rust", "```")]
            expanded = [fence[0], *expanded, fence[1]]
        return expanded


def _selected(lines: list[SourceLine], selection: str) -> list[SourceLine]:
    """The lines that `:anchor`, `:3`, `:3:7`, `:3:` or `::7` choose; the anchors' own lines are never shown.

    `rustdoc_include` shows the same: what it adds is code that mdBook compiles and hides.
    """
    first, colon, last = selection.partition(":")
    if first and not first.isdecimal():
        return _anchored(lines, first)
    if first or last:
        if (last and not last.isdecimal()) or int(first or 1) > len(lines):
            raise _Refused(GapReason.MISSING_LINES)
        begin = max(int(first or 1), 1) - 1
        lines = lines[begin : int(last) if last else (len(lines) if colon else begin + 1)]
        if not lines:
            raise _Refused(GapReason.MISSING_LINES)
    return [line for line in lines if not _marks_anchor(line)]


def _anchored(lines: list[SourceLine], name: str) -> list[SourceLine]:
    found = False
    inside = False
    chosen: list[SourceLine] = []
    for line in lines:
        begin, end = ANCHOR.search(line.text), ANCHOR_END.search(line.text)
        if begin and begin["name"] == name:
            found = inside = True
        elif end and end["name"] == name:
            break
        elif inside and not _marks_anchor(line):
            chosen.append(line)
    if not found:
        raise _Refused(GapReason.MISSING_ANCHOR)
    return chosen


def _marks_anchor(line: SourceLine) -> bool:
    return bool(ANCHOR.search(line.text) or ANCHOR_END.search(line.text))
