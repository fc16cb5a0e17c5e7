"""What happens when the app is loaded: every committed note is announced, wherever it was written."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class NotesConfig(AppConfig):
    name = "notes"

    def ready(self) -> None:
        from notes.live import note_deleted, note_saved
        from notes.models import Note

        post_save.connect(note_saved, sender=Note)
        post_delete.connect(note_deleted, sender=Note)
