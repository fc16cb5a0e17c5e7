"""Messages for operators: levels, sinks, one logger over several of them; and the thread that writes any log."""

from veche.log.formats import FormatName, escape_controls
from veche.log.lines import LineWriter
from veche.log.places import Descriptor, Duplicate, NamedFile
from veche.log.sink import Level, Logger, Sink
from veche.log.sinks import JsonLog, StreamLog, TextLog

__all__ = [
    "Descriptor",
    "Duplicate",
    "FormatName",
    "JsonLog",
    "Level",
    "LineWriter",
    "Logger",
    "NamedFile",
    "Sink",
    "StreamLog",
    "TextLog",
    "escape_controls",
]
