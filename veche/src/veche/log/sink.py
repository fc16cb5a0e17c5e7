"""What every log shares: levels, the sink, and a logger that hands each message to several sinks.

One job: the seam between whoever has something to say and wherever it is written.
Must not know: files, formats.
"""

from enum import IntEnum
from typing import Protocol


class Level(IntEnum):
    """How much a message matters; the numbers are those of the standard library."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class Sink(Protocol):
    """A place for messages. Fields are facts about the message: `log_message("signed in", account=7)`."""

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None: ...

    def close(self) -> None: ...


class Logger:
    """A sink that hands each message to every one of its sinks, in order."""

    def __init__(self, *sinks: Sink) -> None:
        self.sinks = sinks

    def log_message(self, message: str, *, level: Level = Level.INFO, **fields: object) -> None:
        for sink in self.sinks:
            sink.log_message(message, level=level, **fields)

    def close(self) -> None:
        """Close every sink."""
        for sink in self.sinks:
            sink.close()
