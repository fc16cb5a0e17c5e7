"""The steps of an import, in their order.

One job: first every lesson is assembled, because a link may lead forward; then addresses are resolved.
Must not know: tables, pages, how progress is shown.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from campus.importing import carpentries, mdbook
from campus.importing.addresses import Addresses
from campus.importing.includes import Absence, Includer, Piece
from campus.importing.lesson import AssembledLesson, assembled, gap_block, with_addresses
from campus.importing.model import (
    Gap,
    GapReason,
    ImportedCourse,
    ImportedLesson,
    ImportLimits,
    ImportRefused,
    Notice,
    Progress,
)
from campus.importing.outline import Entry, LessonHead, Outline
from campus.importing.source import SourceFolder
from campus.markdown.labels import labels_for

NOTICE: Final = re.compile(r"(?:LICEN[CS]E|COPYRIGHT|COPYING|NOTICE|AUTHORS|CITATION|CONTRIBUTORS)\b.*", re.IGNORECASE)
NOTICE_OCTETS: Final = 65_536
LICENCES: Final[Mapping[str, str]] = {
    "MIT": "Permission is hereby granted, free of charge",
    "Apache-2.0": "Apache License",
    "CC-BY-4.0": "Creative Commons Attribution 4.0",
    "CC-BY-SA-4.0": "Creative Commons Attribution-ShareAlike 4.0",
    "CC0-1.0": "CC0 1.0 Universal",
    "BSD-3-Clause": "Neither the name of",
}
# The lesson shows these: the link leads to its top, the picture comes from its own host.
SHOWN: Final = frozenset({GapReason.MISSING_SECTION, GapReason.ELSEWHERE})
CYRILLIC: Final = re.compile(r"[а-яё]", re.IGNORECASE)
LATIN: Final = re.compile(r"[a-z]", re.IGNORECASE)


class Reading:
    """One import, from the folder to the course."""

    def __init__(self, folder: SourceFolder, limits: ImportLimits, progress: Progress) -> None:
        self._folder = folder
        self._limits = limits
        self._progress = progress
        self._outline = _outline_of(folder)
        self._heads: dict[str, LessonHead] = {}
        self._gaps: list[Gap] = []
        if len(self._outline.entries) > limits.lessons:
            reason = f"lists {len(self._outline.entries)} lessons; at most {limits.lessons} are taken"
            raise ImportRefused(reason, file=self._outline.order_file)

    def course(self) -> ImportedCourse:
        sources = [entry.source for entry in self._outline.entries if entry.source]
        pieces = {entry.source: self._pieces(entry) for entry in self._outline.entries if entry.source}
        language = self._outline.language or _language_of(pieces)
        lessons: dict[str, AssembledLesson] = {}
        for done, entry in enumerate((entry for entry in self._outline.entries if entry.source), start=1):
            title = self._heads[entry.source].title or entry.title
            lessons[entry.source] = assembled(pieces[entry.source], title, labels_for(language))
            self._progress(done, len(sources), entry.source)
        addresses = Addresses(self._folder, lessons)
        texts = {source: self._text(source, lessons[source], addresses, language) for source in sources}
        notices = _notices(self._folder)
        return ImportedCourse(
            name=self._folder.name,
            form=self._outline.form,
            title=self._outline.title,
            description=self._outline.description,
            language=language,
            licence=self._outline.licence or _licence_of(notices),
            authors=self._outline.authors,
            source_url=self._outline.source_url,
            notices=notices,
            lessons=tuple(self._lesson(entry, texts) for entry in self._outline.entries),
            assets=tuple(addresses.assets[path] for path in sorted(addresses.assets)),
            gaps=tuple(sorted([*self._gaps, *addresses.gaps], key=lambda gap: (sources.index(gap.lesson), gap.line))),
        )

    def _pieces(self, entry: Entry) -> list[Piece]:
        """The lesson's lines, included text and absences in place."""
        if not self._folder.has(entry.source):
            self._heads[entry.source] = LessonHead(lines=())
            absent = Absence(entry.source, GapReason.MISSING_FILE, self._outline.order_file, entry.line)
            return self._noted([absent], entry.source)
        head = self._outline.take_head(entry.title, entry.source, self._folder.text(entry.source))
        self._heads[entry.source] = head
        if self._outline.form == "carpentries":
            return list(head.lines)
        return self._noted(Includer(self._folder, self._limits).expand(head.lines, entry.source), entry.source)

    def _noted(self, pieces: list[Piece], source: str) -> list[Piece]:
        for piece in pieces:
            if isinstance(piece, Absence):
                self._gaps.append(Gap(source, piece.file, piece.number, piece.target, piece.reason))
        return pieces

    def _text(self, source: str, lesson: AssembledLesson, addresses: Addresses, language: str) -> str:
        begin = len(addresses.gaps)
        text = with_addresses(lesson, lambda found, line: addresses.resolve(found, line, source))
        missing = [gap for gap in addresses.gaps[begin:] if gap.reason not in SHOWN]
        return text + _list_of_missing(missing, labels_for(language))

    def _lesson(self, entry: Entry, texts: Mapping[str, str]) -> ImportedLesson:
        head = self._heads.get(entry.source)
        return ImportedLesson(
            source=entry.source,
            title=(head.title if head else "") or entry.title,
            text=texts.get(entry.source, ""),
            level=entry.level,
            number=entry.number,
            part=entry.part,
            draft=not entry.source,
            minutes=head.minutes if head else None,
        )


def _outline_of(folder: SourceFolder) -> Outline:
    if mdbook.is_mdbook(folder):
        return mdbook.read_outline(folder)
    if carpentries.is_carpentries(folder):
        return carpentries.read_outline(folder)
    raise ImportRefused("holds neither SUMMARY.md or src/SUMMARY.md (an mdBook) nor config.yaml (a Carpentries lesson)")


def _list_of_missing(gaps: Sequence[Gap], labels: Mapping[str, str]) -> str:
    """The links and files that the lesson names in vain, once each, with their lines; "" when there are none."""
    if not gaps:
        return ""
    lines_of: dict[str, set[int]] = {}
    for gap in gaps:
        lines_of.setdefault(gap.target, set()).add(gap.line)
    items: list[str] = []
    for target, lines in lines_of.items():
        label = labels["line" if len(lines) == 1 else "lines"]
        items.append(f"- `{target}` ({label.format(lines=', '.join(map(str, sorted(lines))))})")
    return "\n" + "\n".join(gap_block("\n".join([labels["missing_links"], "", *items]))) + "\n"


def _notices(folder: SourceFolder) -> tuple[Notice, ...]:
    names = [name for name in folder.names_in(".") if NOTICE.fullmatch(name)]
    return tuple(
        Notice(name, folder.octets(name, limit_octets=NOTICE_OCTETS).decode("utf-8", "replace")) for name in names
    )


def _licence_of(notices: Sequence[Notice]) -> str:
    """The names of the licences whose words stand in the licence files, as an SPDX expression."""
    texts = [" ".join(notice.text.split()) for notice in notices if notice.file.upper().startswith("LICEN")]
    found = [name for name, words in LICENCES.items() if any(words in text for text in texts)]
    return " OR ".join(found)


def _language_of(pieces: Mapping[str, Sequence[Piece]]) -> str:
    """ "ru" or "en", by the letters of the titles' and paragraphs' lines; code and paths are Latin everywhere."""
    lines = (piece.text for of_lesson in pieces.values() for piece in of_lesson if not isinstance(piece, Absence))
    sample = "".join(
        line for line, _number in zip((line for line in lines if len(line) > 60), range(2_000), strict=False)
    )
    return "ru" if len(CYRILLIC.findall(sample)) > len(LATIN.findall(sample)) else "en"
