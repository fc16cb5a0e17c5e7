"""What is written down about requests."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from veche.log import FormatName
from veche.server.settings.requests import RequestLimits

AccessLogFormat: TypeAlias = Literal["text", "combined", "json"]


class RecordSettings(RequestLimits, frozen=True, kw_only=True):
    """Logs."""

    log_format: Annotated[
        FormatName,
        Meta(
            description="Of the server's own messages on standard error, of the master and the workers alike: text, or "
            "json (an object a line)."
        ),
    ] = "text"
    log_limit_octets: Annotated[
        int,
        Meta(
            description="The most octets of messages that wait, in each process, for a standard error that nobody "
            "reads; more are dropped and counted.",
            extra={"unit": "octets"},
            ge=65536,
        ),
    ] = 1024 * 1024
    access_log: Annotated[bool, Meta(description="Log one line for each request.")] = True
    access_log_format: Annotated[
        AccessLogFormat,
        Meta(
            description="Of a line: text (name=value, with the split of the duration), json (the same), or combined "
            "(Apache's and nginx's)."
        ),
    ] = "text"
    access_log_file: Annotated[
        str, Meta(description="File that the access log is appended to; none: standard error.")
    ] = ""
    access_log_limit_octets: Annotated[
        int,
        Meta(
            description="The most octets of lines that wait for a slow disk or pipe; more are dropped and counted.",
            extra={"unit": "octets"},
            ge=65536,
        ),
    ] = 4 * 1024 * 1024
