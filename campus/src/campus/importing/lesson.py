"""One lesson's lines, from the source to the text that is kept.

One job: the steps inside a lesson: gaps in place of what is missing, hidden lines out of code, addresses replaced.
Must not know: which lessons exist (it asks), formats, files.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from campus.importing.includes import Absence, Piece
from campus.importing.outline import SourceLine
from campus.importing.references import Found, rewrite
from campus.markdown import CodeBlock, TextStructure, structure_of

HIDDEN: Final = re.compile(r"\s*#(?: .*)?$")  # mdBook hides these lines of Rust
ESCAPED_HIDDEN: Final = re.compile(r"(?P<indentation>\s*)##(?P<rest>.*)$")
LEAD: Final = re.compile(r"[\s>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?")

# address of a link or picture, with the line where it stands → the address to write
Resolve = Callable[[Found, SourceLine], str]


class AssembledLesson(msgspec.Struct, frozen=True):
    """lines with gap blocks in place, no addresses replaced yet. title_anchor: of the heading that was the title."""

    lines: tuple[SourceLine, ...]
    structure: TextStructure
    title_anchor: str


def assembled(pieces: Sequence[Piece], title: str, labels: Mapping[str, str]) -> AssembledLesson:
    """Return the lesson with what is missing shown, hidden code hidden, and without a heading that says the title."""
    lines, absences = _split(pieces)
    blocks = structure_of(_joined(lines)).code_blocks
    lines = _with_code_and_gaps(lines, absences, blocks, labels)
    structure = structure_of(_joined(lines))
    title_anchor = ""
    if structure.title_lines and _same_words(structure.headings[0].text, title):
        title_anchor = structure.headings[0].anchor
        begin, end = structure.title_lines.start, structure.title_lines.stop
        lines = [*lines[:begin], *lines[end:]]
        while lines and not lines[0].text.strip():
            lines.pop(0)
        structure = structure_of(_joined(lines))
    return AssembledLesson(lines=tuple(lines), structure=structure, title_anchor=title_anchor)


def with_addresses(lesson: AssembledLesson, resolve: Resolve) -> str:
    """Return the final text, every address outside code replaced by what resolve answers."""
    code = {number for block in lesson.structure.code_blocks for number in range(block.first_line, block.end_line)}
    texts: list[str] = []
    stretch: list[SourceLine] = []

    def flush() -> None:
        if stretch:
            held = tuple(stretch)
            texts.extend(rewrite(_joined(held), lambda found: resolve(found, held[found.line_offset])).split("\n"))
            stretch.clear()

    # A stretch is at most one paragraph: a lone backtick in one must not hide the links of the next.
    for number, line in enumerate(lesson.lines):
        if number in code or not line.text.strip():
            flush()
            texts.append(line.text)
            continue
        if number in lesson.structure.block_starts:
            flush()
        stretch.append(line)
    flush()
    return "\n".join(texts).strip("\n") + "\n"


def gap_block(words: str, lead: str = "") -> list[str]:
    """The Markdown of a visible gap."""
    return [f"{lead}::: gap", f"{lead}{words}", f"{lead}:::"]


def _split(pieces: Sequence[Piece]) -> tuple[list[SourceLine], dict[int, list[Absence]]]:
    """The lines, and the absences by the number of the line that stands for them."""
    lines: list[SourceLine] = []
    absences: dict[int, list[Absence]] = {}
    for piece in pieces:
        if isinstance(piece, SourceLine):
            lines.append(piece)
        else:
            absences.setdefault(len(lines), []).append(piece)
            lines.append(SourceLine("", piece.file, piece.number))
    return lines, absences


def _with_code_and_gaps(
    lines: Sequence[SourceLine],
    absences: Mapping[int, list[Absence]],
    blocks: Sequence[CodeBlock],
    labels: Mapping[str, str],
) -> list[SourceLine]:
    written: list[SourceLine] = []
    position = 0
    for block in blocks:
        written += _outside_code(lines, absences, range(position, block.first_line), labels)
        written += _code(lines, absences, block, labels)
        position = block.end_line
    return written + _outside_code(lines, absences, range(position, len(lines)), labels)


def _outside_code(
    lines: Sequence[SourceLine], absences: Mapping[int, list[Absence]], numbers: range, labels: Mapping[str, str]
) -> list[SourceLine]:
    written: list[SourceLine] = []
    for number in numbers:
        if number in absences:
            written += _gap_lines(absences[number], "", labels)
        else:
            written.append(lines[number])
    return written


def _code(
    lines: Sequence[SourceLine], absences: Mapping[int, list[Absence]], block: CodeBlock, labels: Mapping[str, str]
) -> list[SourceLine]:
    """The block without hidden lines; a gap after it for what it should include, or in its place if nothing is left."""
    first = lines[block.first_line]
    lead = LEAD.match(first.text)
    container = re.sub(r"[^>\s]", " ", lead.group()) if lead and block.mark else ""
    missing = [absence for number in range(block.first_line, block.end_line) for absence in absences.get(number, ())]
    kept = [lines[number] for number in range(block.first_line, block.end_line) if number not in absences]
    if block.mark and re.match(r"rust\b", block.info):
        kept = [shown for line in kept if (shown := _shown_rust(line, container)) is not None]
    inside = kept[1:-1] if block.mark else kept
    if not missing:
        return kept
    gap = _gap_lines(missing, container, labels)
    if any(line.text.strip(" \t>") for line in inside):
        return [*kept, *gap]
    opening = msgspec.structs.replace(gap[1], text=first.text[: len(container)] + gap[1].text[len(container) :])
    return [gap[0], opening, *gap[2:]] if container.strip() or not container else [opening, *gap[2:]]


def _shown_rust(line: SourceLine, container: str) -> SourceLine | None:
    start = 0
    for _quotation in range(container.count(">")):
        start = line.text.find(">", start) + 1
    before, code = line.text[:start], line.text[start:]
    if HIDDEN.match(code):
        return None
    escaped = ESCAPED_HIDDEN.match(code)
    if escaped:
        return msgspec.structs.replace(line, text=f"{before}{escaped['indentation']}#{escaped['rest']}")
    return line


def _gap_lines(absences: Sequence[Absence], container: str, labels: Mapping[str, str]) -> list[SourceLine]:
    """Blank lines around each gap, so that it interrupts whatever it stands in."""
    written: list[SourceLine] = []
    for absence in absences:
        target = f"`{absence.target}`"
        words = labels["missing_here"].format(target=target, file=absence.file, line=absence.number)
        texts = [container.rstrip(), *gap_block(words, container), container.rstrip()]
        written += [SourceLine(text, absence.file, absence.number) for text in texts]
    return written


def _joined(lines: Sequence[SourceLine]) -> str:
    return "\n".join(line.text for line in lines)


def _same_words(one: str, other: str) -> bool:
    return re.findall(r"\w+", one.lower()) == re.findall(r"\w+", other.lower())
