"""Messages for operators: levels, sinks, one logger over several of them."""

from veche.log.formats import escape_controls
from veche.log.sink import Level, Logger, Sink
from veche.log.sinks import JsonLog, StreamLog, TextLog

__all__ = ["JsonLog", "Level", "Logger", "Sink", "StreamLog", "TextLog", "escape_controls"]
