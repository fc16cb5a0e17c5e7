"""Which files a course may bring along, and what they really are.

One job: the allow-list of kinds, each checked against the octets. Must not know: Markdown, where assets are kept.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

import msgspec

from campus.importing.model import ImportedAsset
from campus.importing.source import SourceFolder

# Atomic and possessive: with plain groups, thirty comments and no <svg> would take minutes.
SVG: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?>\s+|<\?xml[^>]*\?>|<!--.*?-->|<!DOCTYPE\s+svg[^>\[]*>)*+<svg[\s>]", re.DOTALL
)
HTML: Final = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]", re.IGNORECASE)


class Kind(msgspec.Struct, frozen=True):
    """is_it: whether the octets are what the name says."""

    media_type: str
    is_it: Callable[[bytes], bool]
    sandboxed: bool = False


def _starts(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda octets: octets.startswith(signatures)


def _is_webp(octets: bytes) -> bool:
    return octets[:4] == b"RIFF" and octets[8:12] == b"WEBP"


def _is_svg(octets: bytes) -> bool:
    return SVG.match(octets[:65_536]) is not None


def _is_text(octets: bytes) -> bool:
    """UTF-8 that no browser would take for a page, even one that ignores the media type."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return "\0" not in text and not HTML.search(octets[:1_024])


PLAIN: Final = Kind("text/plain; charset=utf-8", _is_text)
KINDS: Final[Mapping[str, Kind]] = {
    "png": Kind("image/png", _starts(b"\x89PNG\r\n\x1a\n")),
    "jpg": Kind("image/jpeg", _starts(b"\xff\xd8\xff")),
    "jpeg": Kind("image/jpeg", _starts(b"\xff\xd8\xff")),
    "gif": Kind("image/gif", _starts(b"GIF87a", b"GIF89a")),
    "webp": Kind("image/webp", _is_webp),
    "svg": Kind("image/svg+xml", _is_svg, sandboxed=True),
    "pdf": Kind("application/pdf", _starts(b"%PDF-")),
    "zip": Kind("application/zip", _starts(b"PK\x03\x04", b"PK\x05\x06")),
    "csv": Kind("text/csv; charset=utf-8", _is_text),
    "json": Kind("application/json", _is_text),
    **dict.fromkeys(("txt", "py", "rs", "toml", "yaml", "yml", "sh", "sql", "c", "h", "java", "go", "js", "ts"), PLAIN),
}


def suffix_of(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


def admitted(folder: SourceFolder, path: str) -> ImportedAsset | None:
    """Return the asset; None when its kind is not on the list, or the octets are not of the kind."""
    kind = KINDS.get(suffix_of(path))
    if kind is None:
        return None
    octets = folder.octets(path)
    if not kind.is_it(octets):
        return None
    return ImportedAsset(
        path=path,
        file=folder.file(path),
        media_type=kind.media_type,
        size_octets=len(octets),
        digest=sha256(octets).hexdigest(),
        sandboxed=kind.sandboxed,
    )
