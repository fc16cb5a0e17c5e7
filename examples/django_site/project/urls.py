"""Addresses: the page, the admin, the API."""

from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from notes.api import NoteViewSet
from notes.views import board

router = DefaultRouter()
router.register("notes", NoteViewSet)

urlpatterns = [
    path("", board),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
]
