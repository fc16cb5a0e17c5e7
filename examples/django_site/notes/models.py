"""A note on the board."""

from django.conf import settings
from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=200)
    pinned = models.BooleanField(default=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False)
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pinned", "-written", "-id"]

    def __str__(self) -> str:
        return self.text
