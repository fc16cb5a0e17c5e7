"""One finished request as one line: text, the combined format of Apache and nginx, or JSON.

One job: render a line that nobody can forge from inside a request (CVE-2020-7694: control characters of a path reached
the operator's terminal).
Must not know: where lines go.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from veche.log import escape_controls
from veche.server.records.finished import FinishedRequest
from veche.server.settings.records import AccessLogFormat

Format: TypeAlias = Callable[[FinishedRequest, float], bytes]  # the request, and seconds since 1970; a whole line

Client: TypeAlias = tuple[str, int | None] | None

NO_LINE: Final = ("-", "-", "-")
MISSING: Final = "lines of the access log are missing here: they came faster than they could be written"


def text_line(request: FinishedRequest, now: float) -> bytes:
    """Return `TIME INFO request name=value …` with durations in milliseconds."""
    line = request.line
    read, queue, application, write = request.milliseconds()
    method, target, version = (line.method, _text_value(line.target), line.version) if line else NO_LINE
    return (
        f"{_rfc3339(int(now * 1000))} INFO request method={method} target={target} "
        f"status={request.status} client={_client(request.client)} http={version} scheme={request.scheme} "
        f"octets_in={request.octets_in} octets_out={request.octets_out} "
        f"duration_milliseconds={read + queue + application + write:.3f} "
        f"read={read:.3f} queue={queue:.3f} application={application:.3f} write={write:.3f}\n"
    ).encode()


def combined_line(request: FinishedRequest, now: float) -> bytes:
    """Return Apache's and nginx's `combined` line; it has no place for durations."""
    line = request.line
    method, target, version = (line.method, _quoted(line.target), line.version) if line else NO_LINE
    host = request.client[0] if request.client else "-"
    referer = agent = b"-"
    for name, value in request.fields:
        if name == b"user-agent":
            agent = value
        elif name == b"referer":
            referer = value
    return (
        f"{escape_controls(host)} - - [{_apache_time(int(now))}] "
        f'"{method} {target} HTTP/{version}" {request.status} {request.octets_out} '
        f'"{_quoted(referer)}" "{_quoted(agent)}"\n'
    ).encode()


def json_line(request: FinishedRequest, now: float) -> bytes:
    """Return one JSON object with the same facts as `text_line`."""
    line = request.line
    read, queue, application, write = request.milliseconds()
    method, target, version = (line.method, _json_value(line.target), line.version) if line else ("-", '"-"', "-")
    # Written by hand: only the target and the client may hold what JSON must escape, and both are remembered.
    return (
        f'{{"time":"{_rfc3339(int(now * 1000))}","level":"INFO","message":"request","method":"{method}",'
        f'"target":{target},"status":{request.status},"client":{_json_client(request.client)},'
        f'"http":"{version}","scheme":"{request.scheme}",'
        f'"octets_in":{request.octets_in},"octets_out":{request.octets_out},'
        f'"duration_milliseconds":{read + queue + application + write:.3f},"read_milliseconds":{read:.3f},'
        f'"queue_milliseconds":{queue:.3f},"application_milliseconds":{application:.3f},'
        f'"write_milliseconds":{write:.3f}}}\n'
    ).encode()


def missing_line(count: int) -> bytes:
    """Return what stands in a log of text where lines were dropped."""
    return f"{count} {MISSING}\n".encode()


def missing_json_line(count: int) -> bytes:
    """Return the same for a log that programs read."""
    now = _rfc3339(int(time.time() * 1000))
    return f'{{"time":"{now}","level":"WARNING","message":"{MISSING}","missing":{count}}}\n'.encode()


FORMATS: Final[dict[AccessLogFormat, Format]] = {"text": text_line, "combined": combined_line, "json": json_line}


@lru_cache(maxsize=4096)
def _client(client: Client) -> str:
    if client is None:
        return "-"
    host, port = client
    host = escape_controls(host)
    return host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=4096)
def _json_client(client: Client) -> str:
    return msgspec.json.encode(_client(client)).decode()


@lru_cache(maxsize=2048)
def _text_value(target: bytes) -> str:
    """Return a target as it was sent: visible US-ASCII only (RFC 9112 §3), in quotes where a reader could err."""
    text = escape_controls(target.decode("ascii", "backslashreplace"))
    if '"' in text or "=" in text or "'" in text or "\\" in text:
        return '"' + text.replace('"', '\\"') + '"'
    return text


@lru_cache(maxsize=2048)
def _json_value(target: bytes) -> str:
    return msgspec.json.encode(escape_controls(target.decode("ascii", "backslashreplace"))).decode()


@lru_cache(maxsize=2048)
def _quoted(octets: bytes) -> str:
    """Return octets that can stand between quotes: what is not visible US-ASCII as \\xNN, as nginx writes it."""
    if octets.isascii() and (text := octets.decode("ascii")).isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(
        chr(octet) if 0x20 <= octet < 0x7F and octet not in b'"\\' else f"\\x{octet:02X}" for octet in octets
    )


@lru_cache(maxsize=16)
def _rfc3339(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=4)
def _apache_time(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
