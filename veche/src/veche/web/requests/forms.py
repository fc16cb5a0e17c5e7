"""Form bodies: application/x-www-form-urlencoded and multipart/form-data (RFC 7578).

One job: octets of a form to fields and uploaded files, within the limits.
Must not know: routes, what the fields are for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, TYPE_CHECKING

from veche.http import MultiMap
from veche.web.errors import HTTPException
from veche.web.requests.limits import BodyLimits

if TYPE_CHECKING:
    from multipart import MultipartSegment


class UploadFile:
    """One uploaded file; `filename` is what the client called it and must never become a path."""

    def __init__(self, filename: str, content_type: str, limits: BodyLimits) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = 0
        import tempfile  # here, because most processes serve many requests before the first upload

        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(limits.spool_octets)  # noqa: SIM115  # closed with the request

    def write(self, octets: bytes) -> None:
        """Append octets; the spool moves to disk by itself."""
        self.size += len(octets)
        self.file.write(octets)

    async def read(self, size: int = -1) -> bytes:
        """Return the next octets. They come from memory or the page cache, so no thread is asked."""
        return self.file.read(size)

    async def seek(self, offset: int) -> None:
        """Go to an offset from the beginning."""
        self.file.seek(offset)

    def close(self) -> None:
        """Remove the file; the application does it at the end of the request."""
        self.file.close()

    def __repr__(self) -> str:
        return f"UploadFile(filename={self.filename!r}, size={self.size}, content_type={self.content_type!r})"


class FormData(MultiMap["str | UploadFile"]):
    """The fields of a form in order; files stand among them as UploadFile."""

    __slots__ = ()

    def text(self, name: str, default: str = "") -> str:
        """Return the last text value of the name, the default where there is none or it is a file."""
        value = self.get(name)
        return value if isinstance(value, str) else default

    def close(self) -> None:
        """Remove every uploaded file."""
        for _name, value in self.multi_items():
            if isinstance(value, UploadFile):
                value.close()


async def parse_multipart(stream: AsyncIterator[bytes], boundary: str, limits: BodyLimits) -> FormData:
    """Return the form; a file goes to an UploadFile, a field without a filename is text in UTF-8.

    Raises HTTPException: 400 when the octets are no multipart form, 413 over a limit.
    """
    import multipart  # here, because most processes serve many requests before the first upload

    collected = _Parts(limits)
    try:
        parser = multipart.PushMultipartParser(
            boundary, max_segment_count=limits.fields, max_segment_size=limits.body_octets, strict=True
        )
        with parser:
            async for octets in stream:
                for event in parser.parse(octets):
                    collected.take(event)
    except multipart.ParserLimitReached as error:
        collected.close()
        raise HTTPException(413, f"The form is too large: {error}.") from error
    except multipart.MultipartError as error:
        collected.close()
        raise HTTPException(400, f"The body is not a multipart form: {error}.") from error
    except BaseException:
        collected.close()
        raise
    return FormData(collected.pairs)


class _Parts:
    """What the parser has told so far: finished pairs, and the part that is being filled."""

    def __init__(self, limits: BodyLimits) -> None:
        self.pairs: list[tuple[str, str | UploadFile]] = []
        self._limits = limits
        self._name = ""
        self._text: bytearray | None = None
        self._file: UploadFile | None = None
        self._text_octets = 0

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Take one event of the parser: a head, octets, or None at the end of a part."""
        if event is None:
            self._finish()
        elif isinstance(event, (bytes, bytearray)):
            self._add(bytes(event))
        else:
            self._begin(event)

    def _begin(self, head: MultipartSegment) -> None:
        self._name = head.name or ""
        if head.filename is None:
            self._text = bytearray()
        else:
            self._file = UploadFile(head.filename, head.content_type or "application/octet-stream", self._limits)

    def _add(self, octets: bytes) -> None:
        if self._file is not None:
            self._file.write(octets)
        elif self._text is not None:
            self._text += octets
            self._text_octets += len(octets)
            if len(self._text) > self._limits.field_octets or self._text_octets > self._limits.memory_octets:
                raise HTTPException(413, f"The field {self._name!r} is larger than {self._limits.field_octets} octets.")

    def _finish(self) -> None:
        if self._file is not None:
            self._file.file.seek(0)
            self.pairs.append((self._name, self._file))
        elif self._text is not None:
            try:
                self.pairs.append((self._name, self._text.decode("utf-8")))
            except UnicodeDecodeError as error:
                raise HTTPException(400, f"The field {self._name!r} is not UTF-8.") from error
        self._file = self._text = None

    def close(self) -> None:
        """Remove the files of a form that is not going to be delivered."""
        FormData(self.pairs).close()
        if self._file is not None:
            self._file.close()
