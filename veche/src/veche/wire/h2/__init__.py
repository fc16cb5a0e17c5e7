"""HTTP/2 without I/O: octets in, calls out; what streams say in, octets out."""

from veche.wire.h2.connection import Http2Engine
from veche.wire.h2.errors import ConnectionBroken, ErrorCode, Http2Error, StreamBroken
from veche.wire.h2.frames import PREFACE, PREFACE_HEAD, PREFACE_REST, FrameType
from veche.wire.h2.huffman import HuffmanDecoder
from veche.wire.h2.limits import Limits
from veche.wire.h2.memory import Memory
from veche.wire.h2.phase import Phase, Sink
from veche.wire.h2.response import ResponseEncoder, ResponseHead
from veche.wire.h2.stream import Stream, StreamState

__all__ = [
    "PREFACE",
    "PREFACE_HEAD",
    "PREFACE_REST",
    "ConnectionBroken",
    "ErrorCode",
    "FrameType",
    "Http2Engine",
    "Http2Error",
    "HuffmanDecoder",
    "Limits",
    "Memory",
    "Phase",
    "ResponseEncoder",
    "ResponseHead",
    "Sink",
    "Stream",
    "StreamBroken",
    "StreamState",
]
