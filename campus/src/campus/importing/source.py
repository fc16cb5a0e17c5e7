"""The folder that is imported, and nothing beside it.

One job: paths inside the folder and the octets behind them, within the limits. Every file of an import is opened here,
so that no text of the source can name its way out. Must not know: Markdown, formats.
"""

import os
import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from campus.importing.model import ImportLimits, ImportRefused


class SourceFolder:
    """Paths are relative to the folder and use "/"."""

    def __init__(self, root: Path, limits: ImportLimits) -> None:
        if not root.is_dir():
            raise ImportRefused(f"{root} is not a folder; name the folder that holds the course")
        self._root = root.resolve()
        self._limits = limits
        self._opened: set[str] = set()
        self._octets = 0

    @property
    def name(self) -> str:
        return self._root.name

    def path_from(self, folder: str, reference: str) -> str | None:
        """Return the path that reference means when it stands in a file of folder; None when it leads outside."""
        path = posixpath.normpath(posixpath.join(folder, reference))
        return None if path.startswith(("..", "/")) or "\\" in path or "\0" in path else path

    def has(self, path: str) -> bool:
        """Whether there is a regular file; raises ImportRefused when a symbolic link on the way leads outside."""
        return self._located(path).is_file()

    def names_in(self, folder: str) -> list[str]:
        """The names of the files in a folder, sorted; none when there is no such folder."""
        located = self._located(folder)
        return sorted(entry.name for entry in located.iterdir() if entry.is_file()) if located.is_dir() else []

    @cached_property
    def paths_by_name(self) -> Mapping[str, Sequence[str]]:
        """Every regular file of the folder by its name; what is hidden or a symbolic link is passed over."""
        found: dict[str, list[str]] = {}
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                file = Path(folder, name)
                if file.is_file() and not file.is_symlink():
                    found.setdefault(name, []).append(file.relative_to(self._root).as_posix())
        return found

    def octets(self, path: str, *, limit_octets: int | None = None) -> bytes:
        """Return the whole file."""
        located = self._located(path)
        limit = limit_octets or self._limits.file_octets
        try:
            with located.open("rb") as stream:
                octets = stream.read(limit + 1)
        except OSError as error:
            raise ImportRefused(f"cannot be read: {error.strerror}", file=path) from error
        if len(octets) > limit:
            raise ImportRefused(f"is longer than {limit} octets", file=path)
        self._count(path, len(octets))
        return octets

    def text(self, path: str) -> str:
        """Return the file's text with plain line ends; raises ImportRefused with the line when it is not UTF-8."""
        octets = self.octets(path, limit_octets=self._limits.text_octets)
        try:
            text = octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            reason = f"is not UTF-8 (octet {octets[error.start]:#04x}); save it as UTF-8"
            raise ImportRefused(reason, file=path, line=line) from error
        if "\0" in text:
            raise ImportRefused("is not a text", file=path, line=text.count("\n", 0, text.index("\0")) + 1)
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def file(self, path: str) -> Path:
        return self._located(path)

    def _located(self, path: str) -> Path:
        located = (self._root / path).resolve()
        if not located.is_relative_to(self._root):
            raise ImportRefused("is a symbolic link that leads out of the folder", file=path)
        return located

    def _count(self, path: str, octets: int) -> None:
        if path in self._opened:
            return
        self._opened.add(path)
        self._octets += octets
        if len(self._opened) > self._limits.files:
            raise ImportRefused(f"the course needs more than {self._limits.files} files", file=path)
        if self._octets > self._limits.total_octets:
            raise ImportRefused(f"the course is longer than {self._limits.total_octets} octets", file=path)
