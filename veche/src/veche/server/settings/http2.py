"""The bounds of one HTTP/2 connection."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.wsgi import WsgiSettings


class Http2Limits(WsgiSettings, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet. Budgets are for any 10 seconds."""

    http2: Annotated[
        bool,
        Meta(description="Speak HTTP/2 to whoever agrees to it by TLS (ALPN), or knows beforehand that we do."),
    ] = True
    http2_stream_limit: Annotated[
        int,
        Meta(
            description="HTTP/2 requests of one connection that run at once, those included whose client has given "
            "them up while their application still runs; more are refused, and may be sent again.",
            extra={"unit": "streams"},
            ge=1,
            le=100_000,
        ),
    ] = 100
    http2_request_limit: Annotated[
        int,
        Meta(
            description="Requests on one HTTP/2 connection before its client is asked to open another.",
            extra={"unit": "requests"},
            ge=1,
        ),
    ] = 1_000_000
    http2_stream_window_octets: Annotated[
        int,
        Meta(
            description="Octets of one HTTP/2 request's body that may wait for an application that does not read.",
            extra={"unit": "octets"},
            ge=1,
            le=2**31 - 1,
        ),
    ] = 256 * 1024
    http2_connection_window_octets: Annotated[
        int,
        Meta(
            description="The same for all requests of one connection together.",
            extra={"unit": "octets"},
            ge=65535,
            le=2**31 - 1,
        ),
    ] = 1024 * 1024
    http2_block_limit_frames: Annotated[
        int,
        Meta(
            description="The most frames of one HTTP/2 header block, empty ones counted.",
            extra={"unit": "frames"},
            ge=1,
        ),
    ] = 64
    http2_settings_seconds: Annotated[
        float,
        Meta(
            description="How long an HTTP/2 client may take to acknowledge our SETTINGS.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 10.0
    http2_resets_received_limit: Annotated[
        int,
        Meta(
            description="Streams that a client may reset in 10 seconds (rapid reset, CVE-2023-44487).",
            extra={"unit": "resets"},
            ge=0,
        ),
    ] = 500
    http2_resets_sent_limit: Annotated[
        int,
        Meta(
            description="Streams that a client may make us reset in 10 seconds (MadeYouReset, CVE-2025-8671).",
            extra={"unit": "resets"},
            ge=0,
        ),
    ] = 200
    http2_idle_frame_limit: Annotated[
        int,
        Meta(
            description="Frames in 10 seconds that carry nothing of a request (PING, SETTINGS, PRIORITY, "
            "WINDOW_UPDATE, empty DATA), beside 10 for each request and each DATA frame that we send.",
            extra={"unit": "frames"},
            ge=1,
        ),
    ] = 1000
    http2_queued_answer_limit: Annotated[
        int,
        Meta(
            description="Answers to PING and SETTINGS that may wait for a client that does not read.",
            extra={"unit": "frames"},
            ge=1,
        ),
    ] = 1000
