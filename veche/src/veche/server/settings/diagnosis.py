"""What is watched, and where it is told."""

from typing import Annotated, Final

from msgspec import Meta

from veche.server.settings.records import RecordSettings

METRICS_OFF: Final = "none"


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
    control_socket: Annotated[
        str,
        Meta(
            min_length=1,
            description="Path of the Unix socket, for its owner alone, on which `veche status` and `veche doctor` ask; "
            "auto is a name of its own in the user's runtime folder, none is no socket.",
        ),
    ] = "auto"
    metrics_bind: Annotated[
        str,
        Meta(
            min_length=1,
            description="Address of /metrics for Prometheus, such as 127.0.0.1:9100 or unix:PATH; none is no metrics, "
            "and nothing is measured for them.",
        ),
    ] = METRICS_OFF
    verdicts_file: Annotated[
        str,
        Meta(
            min_length=1,
            description="Path of the file that keeps the last verdicts for `veche doctor` when the server has gone; "
            "auto is one for each first address, in the same folder; none is no file.",
        ),
    ] = "auto"
