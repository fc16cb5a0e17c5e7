"""The bounds of one WebSocket."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.wsgi import WsgiSettings


class WebSocketLimits(WsgiSettings, frozen=True, kw_only=True):
    """Bounds, each with a default that is safe on the open internet."""

    websocket_message_limit_octets: Annotated[
        int,
        Meta(description="The largest WebSocket message; larger ones close with 1009.", extra={"unit": "octets"}, ge=1),
    ] = 16 * 1024 * 1024
    websocket_ping_seconds: Annotated[
        float,
        Meta(
            description="How long a WebSocket may be silent before it is pinged; silent twice as long, it is cut.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 20.0
    websocket_close_seconds: Annotated[
        float, Meta(description="How long the peer may take to answer a Close frame.", extra={"unit": "seconds"}, gt=0)
    ] = 5.0
