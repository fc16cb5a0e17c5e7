"""The socket of an open board: it hears of every note, and those who are logged in may write one."""

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import ValidationError

from notes.live import BOARD
from notes.models import Note


class BoardConsumer(AsyncJsonWebsocketConsumer):
    groups = [BOARD]

    async def connect(self) -> None:
        await self.accept()
        await self.send_json({"hello": self.scope["user"].get_username()})

    async def receive_json(self, content: Any, **_options: Any) -> None:
        """{"text": "…"} writes a note; what is wrong with it is answered, never raised."""
        user = self.scope["user"]
        if not await database_sync_to_async(user.has_perm)("notes.add_note"):
            await self.send_json({"error": "You may not write notes."})
            return
        note = Note(text=content.get("text", "") if isinstance(content, dict) else "", author=user)
        try:
            await database_sync_to_async(note.full_clean)()
        except ValidationError as error:
            await self.send_json({"error": error.message_dict})
            return
        await note.asave()  # the signal tells everybody, the writer too

    async def board_changed(self, event: dict[str, Any]) -> None:
        await self.send_json(event["note"])
