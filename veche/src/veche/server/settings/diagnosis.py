"""What is watched, and where it is told."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.records import RecordSettings


class DiagnosisSettings(RecordSettings, frozen=True, kw_only=True):
    """Verdicts."""

    loop_stall_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="A worker whose event loop stands still for so long is ended with its stacks in the log, and "
            "replaced; 0 is never.",
            extra={"unit": "seconds"},
        ),
    ] = 30.0
