"""What is answered for a file: the status, the fields, and which part.

One job: a request's fields and an open file → the answer's head.
Must not know: sockets, mounts, who sends it.
"""

from typing import Final

from msgspec import Struct

from veche.http import Headers, http_date, media_type_of, parse_accept, select
from veche.server.files.mounts import Mount, OpenFile

Fields = list[tuple[bytes, bytes]]

# The ending of the compressed file beside the plain one, best first, and the coding's name.
CODINGS: Final = ((b".br", "br"), (b".gz", "gzip"))
COMPRESSIBLE: Final = ("text/", "application/javascript", "application/json", "application/xml", "image/svg+xml")
ALSO_COMPRESSIBLE: Final = frozenset({"application/wasm", "application/manifest+json", "image/vnd.microsoft.icon"})


class FileAnswer(Struct):
    """The part [start, end) of `file` is the body, unless the method is HEAD; the sender closes it."""

    file: OpenFile
    status: int
    fields: Fields
    start: int
    end: int


def answer_with(mount: Mount, plain: OpenFile, method: str, fields: Fields, cache_control: str) -> FileAnswer:
    """Return the answer with this file, or with the compressed one beside it where the client takes that."""
    headers = Headers(fields)
    media_type = media_type_of(plain.path.decode("utf-8", "replace"))
    varies = media_type.startswith(COMPRESSIBLE) or media_type in ALSO_COMPRESSIBLE
    file, coding = _compressed(mount, plain, headers) if varies else (plain, "")
    answer: Fields = [
        (b"etag", file.etag.encode("ascii")),
        (b"last-modified", http_date(file.modified).encode("ascii")),
        (b"accept-ranges", b"bytes"),
    ]
    if cache_control:
        answer.append((b"cache-control", cache_control.encode("latin-1")))
    if varies:
        answer.append((b"vary", b"accept-encoding"))
    selection = select(
        method, headers, etag=file.etag, last_modified_timestamp=file.modified, complete_length=file.octets
    )
    if selection.content_range is not None:
        answer.append((b"content-range", selection.content_range.encode("ascii")))
    if selection.status in (200, 206):
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        answer.append((b"content-type", (media_type + charset).encode("ascii")))
        answer.append((b"x-content-type-options", b"nosniff"))
        if coding:
            answer.append((b"content-encoding", coding.encode("ascii")))
    if selection.status != 304:
        answer.append((b"content-length", str(selection.end - selection.start).encode("ascii")))
    return FileAnswer(file, selection.status, answer, selection.start, selection.end)


def _compressed(mount: Mount, plain: OpenFile, headers: Headers) -> tuple[OpenFile, str]:
    """Return the smaller file beside the plain one, and its coding; the plain one where there is none to be sent."""
    accepted = headers.getlist("accept-encoding")
    if not accepted:
        return plain, ""
    qualities = dict(parse_accept(", ".join(accepted)))
    for ending, coding in CODINGS:
        if qualities.get(coding, qualities.get("*", 0.0)) > 0:
            beside = mount.open_real(plain.path + ending)
            if beside is None:
                continue
            if beside.modified >= plain.modified:  # one that is older was made of another file
                plain.close()
                return beside, coding
            beside.close()
    return plain, ""
