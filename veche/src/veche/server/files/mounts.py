"""Which file a path means.

One job: /PATH=FOLDER as an operator writes it → a mount; a request's path → an open file inside the folder, or nothing.
Must not know: requests beyond their path, answers.

What was opened is asked where it really lies, so that no link and no race leads out of the folder.
"""

import os
import stat
from pathlib import Path
from typing import Final

from msgspec import Struct

from veche.server.errors import AddressError

INDEX: Final = b"index.html"
# A regular file takes no notice of O_NONBLOCK; opening a FIFO would wait for its writer.
FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class OpenFile(Struct):
    """A regular file, open. Whoever gets it closes it."""

    descriptor: int
    path: bytes
    octets: int
    modified: float
    etag: str

    def close(self) -> None:
        os.close(self.descriptor)


class NeedsSlash(Exception):
    """The path names a folder that has an index: its address ends with a slash."""


class Mount(Struct, frozen=True):
    """prefix: begins and ends with a slash. folder: its real path, without one at the end."""

    prefix: bytes
    folder: bytes

    def open(self, path: bytes, raw_path: bytes) -> OpenFile | None:
        """Return the file for a decoded path that begins with the prefix; None when there is none to be served.

        Raises NeedsSlash.
        """
        rest = path[len(self.prefix) :]
        segments = rest.split(b"/")
        wants_index = not segments[-1]
        if wants_index:
            segments[-1] = INDEX
        if not all(map(_is_ordinary, segments)) or _hides_slashes(raw_path):
            return None
        whole = b"/".join([self.folder, *segments])
        found = self.open_real(whole)
        if found is None and not wants_index and self._has_index(whole):
            raise NeedsSlash
        return found

    def open_real(self, path: bytes) -> OpenFile | None:
        """Return the regular file at this path if it really lies in the folder."""
        try:
            descriptor = os.open(path, FLAGS)
        except OSError:
            return None
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and self._holds(_real_path(descriptor, path)):
                etag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
                return OpenFile(descriptor, path, status.st_size, status.st_mtime, etag)
        except OSError:
            pass
        os.close(descriptor)
        return None

    @property
    def has_index(self) -> bool:
        """Whether the folder itself has a page: then the mount's address without its slash leads to it."""
        return self._has_index(self.folder)

    def _has_index(self, path: bytes) -> bool:
        if not os.path.isdir(path):
            return False
        index = self.open_real(path + b"/" + INDEX)
        if index is None:
            return False
        index.close()
        return True

    def _holds(self, real: bytes) -> bool:
        return real.startswith(self.folder + b"/")


def parse_mount(text: str) -> Mount:
    """Return the mount that `text` describes. Raises AddressError."""
    path, equals, folder = text.partition("=")
    if not equals or not path.startswith("/") or not folder or "//" in path or "/." in path.replace("/.well-known", ""):
        raise AddressError(f"--static {text!r} is no mount; write /PATH=FOLDER, such as /static=collected/static")
    real = os.path.realpath(folder)
    if not os.path.isdir(real):
        raise AddressError(f"--static {text!r}: there is no folder {Path(real)}; make it, or take the mount away")
    prefix = path if path.endswith("/") else path + "/"
    return Mount(prefix.encode(), os.fsencode(real).rstrip(b"/"))


def _is_ordinary(segment: bytes) -> bool:
    """Return whether a part of a path may be looked up: not "..", and no file that nobody meant to publish (.git)."""
    return bool(segment) and not segment.startswith(b".") and b"\\" not in segment and b"\0" not in segment


def _hides_slashes(raw_path: bytes) -> bool:
    """Return whether a slash came percent-encoded: proxies and caches in front take that path for another one."""
    return b"%2" in raw_path and b"%2f" in raw_path.lower()


def _real_path(descriptor: int, path: bytes) -> bytes:
    """Return where the open file really lies."""
    try:
        return os.readlink(b"/proc/self/fd/%d" % descriptor)
    except OSError:  # no Linux, or no /proc
        real = os.path.realpath(path)
        return real if os.path.samestat(os.stat(real), os.fstat(descriptor)) else b""
