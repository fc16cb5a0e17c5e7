"""Notes by REST: /api/notes/. Everybody reads; who writes needs the model's permissions, as in the admin."""

from rest_framework import serializers, viewsets

from notes.models import Note


class NoteSerializer(serializers.ModelSerializer):
    author = serializers.StringRelatedField()

    class Meta:
        model = Note
        fields = ["id", "text", "pinned", "author", "written"]


class NoteViewSet(viewsets.ModelViewSet):
    queryset = Note.objects.select_related("author")
    serializer_class = NoteSerializer

    def perform_create(self, serializer):
        serializer.save(author=self.request.user)
