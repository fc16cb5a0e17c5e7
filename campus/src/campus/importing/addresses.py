"""What an address in a lesson means: a lesson, a file of the course, another site, or something that is not there.

One job: the answer for one address, and the gap when there is none. Must not know: Markdown's syntax, formats.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from campus.importing.assets import admitted, suffix_of
from campus.importing.lesson import AssembledLesson
from campus.importing.model import Gap, GapReason, ImportedAsset
from campus.importing.outline import SourceLine
from campus.importing.references import Found, Use
from campus.importing.source import SourceFolder

ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
WEB: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
UNSAFE: Final = re.compile(r"[\s()<>\[\]\"'`%?#\\]")  # in a Markdown address, or in an address of ours


class Addresses:
    """Answers for all lessons of one course, and collects the assets and gaps on the way."""

    def __init__(self, folder: SourceFolder, lessons: Mapping[str, AssembledLesson]) -> None:
        self.assets: dict[str, ImportedAsset] = {}
        self.gaps: list[Gap] = []
        self._folder = folder
        self._lessons = lessons
        self._refused: set[str] = set()

    def resolve(self, found: Found, line: SourceLine, source: str) -> str:
        """Return the address to write: `lesson:`, `asset:`, `gap:`, or the address itself when it leads elsewhere."""
        address = found.address.strip()
        if found.use is Use.PICTURE and WEB.match(address):
            return self._remote_picture(found.address, line, source)
        if ELSEWHERE.match(address) or not address:
            return found.address
        before_fragment, _hash, fragment = address.partition("#")
        target, _question, _query = before_fragment.partition("?")
        if not target:
            return self._section(source, unquote(fragment), line, source, address)
        path = self._folder.path_from(source.rpartition("/")[0], unquote(target))
        if path is None:
            return self._gap(GapReason.OUTSIDE, target, line, source)
        lesson = next((name for name in _lesson_names(path) if name in self._lessons), None)
        if lesson is not None and found.use is Use.LINK:
            return self._section(lesson, unquote(fragment), line, source, address)
        return self._file(path, line, source)

    def _remote_picture(self, address: str, line: SourceLine, source: str) -> str:
        """The course's own picture of this name if there is exactly one: the other host would learn who reads here."""
        name = unquote(urlsplit(address).path).rpartition("/")[2]
        own = self._folder.paths_by_name.get(name, ())
        if len(own) == 1 and self._admit(own[0]):
            return f"asset:{written(own[0])}"
        self.gaps.append(Gap(source, line.file, line.number, address, GapReason.ELSEWHERE))
        return address

    def _section(self, lesson: str, fragment: str, line: SourceLine, source: str, address: str) -> str:
        known = self._lessons[lesson]
        if not fragment or fragment == known.title_anchor:
            return f"lesson:{written(lesson)}"
        for anchor in (fragment, fragment.lower()):
            if anchor in known.structure.anchors:
                return f"lesson:{written(lesson)}#{written(anchor)}"
        self.gaps.append(Gap(source, line.file, line.number, unquote(address), GapReason.MISSING_SECTION))
        return f"lesson:{written(lesson)}?missing={written(fragment)}"

    def _file(self, path: str, line: SourceLine, source: str) -> str:
        if path in self.assets:
            return f"asset:{written(path)}"
        if path not in self._refused:
            if not self._folder.has(path):
                return self._gap(GapReason.MISSING_FILE, path, line, source)
            if suffix_of(path) in {"md", "markdown"}:
                return self._gap(GapReason.NOT_A_LESSON, path, line, source)
            if self._admit(path):
                return f"asset:{written(path)}"
        return self._gap(GapReason.REFUSED_TYPE, path, line, source)

    def _admit(self, path: str) -> bool:
        """Whether the file is among the assets now."""
        if path not in self.assets and path not in self._refused:
            asset = admitted(self._folder, path)
            if asset is None:
                self._refused.add(path)
            else:
                self.assets[path] = asset
        return path in self.assets

    def _gap(self, reason: GapReason, target: str, line: SourceLine, source: str) -> str:
        self.gaps.append(Gap(source, line.file, line.number, target, reason))
        return f"gap:{written(target)}"


def _lesson_names(path: str) -> tuple[str, ...]:
    """The files that a link may mean: mdBook and sandpaper publish name.md as name.html, README.md as index.html."""
    stem, dot, suffix = path.rpartition(".")
    if dot and suffix in {"html", "htm"}:
        folder, slash, name = stem.rpartition("/")
        readme = (f"{folder}{slash}README.md",) if name == "index" else ()
        return (f"{stem}.md", *readme)
    return (path, f"{path}.md", f"{path}/README.md", f"{path}/index.md")


def written(path: str) -> str:
    """The path as an address; letters of any script stay readable for the teacher who edits the text."""
    return UNSAFE.sub(lambda mark: "".join(f"%{octet:02X}" for octet in mark.group().encode()), path)
