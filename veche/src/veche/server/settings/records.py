"""What is written down about requests."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.requests import RequestLimits


class RecordSettings(RequestLimits, frozen=True, kw_only=True):
    """Logs."""

    access_log: Annotated[bool, Meta(description="Log one line for each request.")] = True
