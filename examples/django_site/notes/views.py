"""The page with all notes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from notes.models import Note


def board(request: HttpRequest) -> HttpResponse:
    return render(request, "notes/board.html", {"notes": Note.objects.all()[:100]})
