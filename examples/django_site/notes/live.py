"""From a committed note to every open board.

One job: announce. Admin, REST and shell all end here, because the models' signals call it.
"""

from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from notes.models import Note

BOARD = "board"


def note_saved(instance: Note, **_signal: Any) -> None:
    announce({"id": instance.pk, "text": instance.text, "pinned": instance.pinned})


def note_deleted(instance: Note, **_signal: Any) -> None:
    announce({"id": instance.pk, "deleted": True})


def announce(note: dict[str, Any]) -> None:
    message = {"type": "board.changed", "note": note}
    # After the commit: nobody may be shown what is then rolled back.
    transaction.on_commit(partial(async_to_sync(get_channel_layer().group_send), BOARD, message))
