"""One message as one entry of text or of JSON.

One job: render an entry that nobody can forge from inside a message.
Must not know: where the entry is written.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

from veche.log.sink import Level

FormatName: TypeAlias = Literal["text", "json"]
Format: TypeAlias = Callable[[float, str, Level, Mapping[str, object]], bytes]  # seconds since 1970, …; a whole entry

# C0, DEL and C1 controls begin terminal escapes and new lines; U+2028/9 end lines for some readers; the bidirectional
# controls make a line read differently from what it says (CVE-2021-42574); surrogates are no characters at all.
UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PLAIN_VALUE: Final = re.compile(r"[^\s\"'=\\]+")
NUMBERS: Final = frozenset({int, float, bool})
TRACEBACK: Final = "traceback"  # the one field that may stand on several lines, each with its own mark
CONTINUATION: Final = "    | "


def escape_controls(text: str) -> str:
    r"""Return the text with unsafe characters as \xNN or \uNNNN, and "\" doubled, so that both can be told apart."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text  # nearly every text, ten times faster than asking the pattern
    return UNSAFE.sub(_escape, text.replace("\\", "\\\\"))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def timestamp_text(timestamp: float) -> str:
    """Return seconds since 1970 as RFC 3339 in UTC with milliseconds."""
    seconds, microseconds = divmod(round(timestamp * 1_000_000), 1_000_000)
    return f"{_second_text(seconds)}.{microseconds // 1000:03d}Z"


@lru_cache(maxsize=4)
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def text_entry(timestamp: float, message: str, level: Level, fields: Mapping[str, object]) -> bytes:
    """Return `TIME LEVEL message name=value …` ; a traceback follows on lines that begin with "    | "."""
    parts = [timestamp_text(timestamp), level.name, escape_controls(message)]
    parts += [f"{escape_controls(name)}={_value(value)}" for name, value in fields.items() if name != TRACEBACK]
    lines = [" ".join(parts)]
    if TRACEBACK in fields:
        lines += [CONTINUATION + escape_controls(line) for line in str(fields[TRACEBACK]).splitlines()]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _value(value: object) -> str:
    if type(value) in NUMBERS:
        return str(value)
    text = escape_controls(str(value))
    if isinstance(value, (bool, int, float)) or PLAIN_VALUE.fullmatch(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def json_entry(timestamp: float, message: str, level: Level, fields: Mapping[str, object]) -> bytes:
    """Return one JSON object on one line; a field named time, level or message gets "field_" before its name."""
    entry: dict[str, object] = {
        "time": timestamp_text(timestamp),
        "level": level.name,
        "message": _encodable(message),
    }
    for name, value in fields.items():
        key = _encodable(name)
        entry[f"field_{key}" if key in entry else key] = _encodable(value) if isinstance(value, str) else value
    return msgspec.json.encode(entry, enc_hook=_as_text) + b"\n"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _as_text(value: object) -> str:
    return _encodable(str(value))


FORMATS: Final[Mapping[FormatName, Format]] = {"text": text_entry, "json": json_entry}
