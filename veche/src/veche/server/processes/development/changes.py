"""Whether the files of an application have changed, for --reload.

One job: look at the modification times of a folder's source files, templates and settings, within bounds.
Must not know: what is done about it. No notification of the kernel's: one walk of a project is a few milliseconds.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import cache_from_source
from typing import Final

SUFFIXES: Final = frozenset(
    {".py", ".html", ".htm", ".jinja", ".jinja2", ".j2", ".css", ".js"}
    | {".toml", ".yaml", ".yml", ".ini", ".cfg", ".po", ".mo", ".sql"}
)

PASSED_BY: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
ENVIRONMENT: Final = "pyvenv.cfg"  # a folder with it is a virtual environment
MOST_FILES: Final = 10_000

Stamp = tuple[int, int]


class FileWatch:
    """The files of one folder, hidden ones and environments left out, and some more."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)
        self._more: tuple[str, ...] = ()
        self._seen = self._stamps()

    def watch_too(self, paths: Iterable[str]) -> None:
        """Files outside the folder, too."""
        self._more = tuple(path for path in paths if not path.startswith(self._folder + os.sep))
        self._seen = self._stamps() | self._seen  # what changed meanwhile is told at the next look

    def look(self) -> list[str]:
        """Names of the files that were changed, made or removed since the last look."""
        before, self._seen = self._seen, self._stamps()
        changed = before.items() ^ self._seen.items()
        return sorted({os.path.relpath(path, self._folder) for path, _ in changed})

    def _stamps(self) -> dict[str, Stamp]:
        stamps: dict[str, Stamp] = {}
        for path in self._more:
            with suppress(OSError):
                stamps[path] = _stamp(os.stat(path))
        for entry in _files_below(self._folder):
            if len(stamps) >= MOST_FILES:
                break
            with suppress(OSError):  # removed meanwhile
                stamps[entry.path] = _stamp(entry.stat())
        return stamps


def forget_bytecode(folder: str, files: Iterable[str]) -> None:
    """Remove what Python has compiled of these files: it compares whole seconds and sizes only, and two quick changes
    of one character would be one to it."""
    for file in files:
        if file.endswith(".py"):
            with suppress(OSError, NotImplementedError):
                os.unlink(cache_from_source(os.path.join(os.path.abspath(folder), file)))


def loaded_files() -> list[str]:
    """The files of all modules that are loaded and were not installed."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    installed = (sys.prefix + os.sep, sys.base_prefix + os.sep, os.path.dirname(os.__file__) + os.sep)
    return [file for file in files if isinstance(file, str) and not file.startswith(installed)]


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_mtime_ns, found.st_size


def _files_below(folder: str) -> Iterator["os.DirEntry[str]"]:
    folders = [folder]
    while folders:
        try:
            entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
        except OSError:
            continue
        if any(entry.name == ENVIRONMENT for entry in entries):
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in PASSED_BY:
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif os.path.splitext(entry.name)[1] in SUFFIXES:
                yield entry
