"""The broadcast of the contests of WebSockets, with Django Channels and its layer in memory.

One job: a group, as the tutorial of Channels does it.
"""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

from benchmarks.applications import hello_asgi

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}, SECRET_KEY="of no use"
)


class Room(AsyncWebsocketConsumer):
    """Each message to everybody."""

    async def connect(self) -> None:
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard("room", self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send("room", {"type": "news", "text": text_data})

    async def news(self, event: Any) -> None:
        await self.send(text_data=event["text"])


application = ProtocolTypeRouter({"http": hello_asgi, "websocket": Room.as_asgi()})
