"""When a worker that works well is replaced all the same."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.diagnosis import DiagnosisSettings


class RecyclingSettings(DiagnosisSettings, frozen=True, kw_only=True):
    """Bounds of a worker's life, for applications that leak."""

    recycle_requests: Annotated[
        int,
        Meta(
            ge=0,
            description="A worker that has taken so many requests is replaced, the new one first; 0 is never. Looked "
            "at once a second.",
            extra={"unit": "requests"},
        ),
    ] = 0
    recycle_seconds: Annotated[
        float,
        Meta(ge=0, description="A worker that has served so long is replaced; 0 is never.", extra={"unit": "seconds"}),
    ] = 0.0
    recycle_rss_octets: Annotated[
        int,
        Meta(
            ge=0,
            description="A worker whose resident memory is larger is replaced; 0 is never.",
            extra={"unit": "octets"},
        ),
    ] = 0
    recycle_jitter: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Each worker's bounds are raised by a random part up to this, so that they end one by one.",
        ),
    ] = 0.1
