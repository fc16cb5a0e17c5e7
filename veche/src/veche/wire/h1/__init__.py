"""HTTP/1.0 and HTTP/1.1 without I/O: octets in, calls out; what an application says in, octets out."""

from veche.wire.h1.errors import BodyMismatch, ProtocolError, RequestRefused, ResponseRefused
from veche.wire.h1.head import HeadParser, RequestHead, RequestLine
from veche.wire.h1.reader import ReadLimits, ReadState, RequestReader, RequestSink
from veche.wire.h1.response import CONTINUE, FieldLines, ResponseWriter

__all__ = [
    "CONTINUE",
    "BodyMismatch",
    "FieldLines",
    "HeadParser",
    "ProtocolError",
    "ReadLimits",
    "ReadState",
    "RequestHead",
    "RequestLine",
    "RequestReader",
    "RequestRefused",
    "RequestSink",
    "ResponseRefused",
    "ResponseWriter",
]
