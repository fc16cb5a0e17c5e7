"""The folder in which pictures and files of courses lie, each under the digest of its content.

One job: keep octets, and say where they are. What is kept never changes, so it may be written before the commit that
refers to it: a file that nothing refers to takes room and does no harm.
Must not know: courses, requests.
"""

import os
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from campus.settings import CampusSettings

DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class MediaFolder:
    """Files below one folder, by digest (SHA-256, hexadecimal)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, digest: str) -> Path:
        """Return where the content lies. Raises ValueError for what is no digest: it must not lead elsewhere."""
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no digest; expected 64 hexadecimal digits")
        return self._folder / digest[:2] / digest

    def keep(self, octets: bytes) -> str:
        """Write the content to disk, unless it is there, and return its digest. Blocks: call it in a thread."""
        digest = sha256(octets).hexdigest()
        path = self.path_of(digest)
        if path.exists():
            return digest
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f"{digest}.{secrets.token_hex(4)}")
        with aside.open("xb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)  # whoever reads meets the whole file or none
        return digest


def open_media(settings: CampusSettings) -> MediaFolder:
    """Provide the site's media folder."""
    return MediaFolder(Path(settings.data_directory) / "media")
