"""A site with two resources in memory: numbered notes with every action, named tags that can only be read."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from veche.data import ConstraintKind, ConstraintViolated, NotFound
from veche.language import Catalogues
from veche.resources import Action, Api, Conflict, NotAllowed, Resource
from veche.web import Application, HTTPException, Request

TOKEN = "a-personal-token"
TITLES = ("First", "Second", "Third")
Title = Annotated[str, Meta(min_length=1, max_length=40)]


class Note(msgspec.Struct):
    """What is sent."""

    id: int
    title: str
    text: str
    stars: int
    state: Literal["open", "locked"]


class NewNote(msgspec.Struct):
    """What POST takes."""

    title: Title
    text: Annotated[str, Meta(max_length=200)] = ""
    stars: Annotated[int, Meta(ge=0, le=5)] = 0


class NoteChange(msgspec.Struct):
    """What PATCH takes."""

    title: Title | UnsetType = UNSET
    text: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    stars: Annotated[int, Meta(ge=0, le=5)] | UnsetType = UNSET
    state: Literal["open", "locked"] | UnsetType = UNSET


class NoteFilter(msgspec.Struct):
    """What a list may be narrowed by."""

    stars: Annotated[int, Meta(ge=0, le=5, description="Only notes with so many stars.")] | None = None


class Notes:
    """Operations of notes; titles are unique, note 13 belongs to somebody else."""

    def __init__(self, titles: Sequence[str]) -> None:
        self.begin_with(titles)

    def begin_with(self, titles: Sequence[str]) -> None:
        self._notes = {number: Note(number, title, "", 0, "open") for number, title in enumerate(titles, start=1)}
        self._last = len(titles)

    async def all(self, after: int | None = None, limit: int = 50, stars: int | None = None) -> list[Note]:
        found = [note for note in self._notes.values() if note.id > (after or 0)]
        return [note for note in found if stars is None or note.stars == stars][:limit]

    async def get(self, key: int, /) -> Note:
        if key not in self._notes:
            raise NotFound(f"no note {key}")
        return self._notes[key]

    async def create(self, values: NewNote, /) -> Note:
        self._refuse_second(values.title)
        self._last += 1
        self._notes[self._last] = Note(self._last, values.title, values.text, values.stars, "open")
        return self._notes[self._last]

    async def update(self, key: int, changes: NoteChange, /) -> Note:
        note = await self.get(key)
        if key == 13:
            raise NotAllowed("Only its writer may change this note.")
        if note.state == "locked" and changes.text is not UNSET:
            raise Conflict("This note is locked.")
        if changes.title not in (UNSET, note.title):
            self._refuse_second(str(changes.title))
        given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
        self._notes[key] = msgspec.structs.replace(note, **given)
        return self._notes[key]

    async def delete(self, key: int, /) -> None:
        await self.get(key)
        del self._notes[key]

    def _refuse_second(self, title: str) -> None:
        if any(note.title == title for note in self._notes.values()):
            raise ConstraintViolated("note_title_unique", ConstraintKind.UNIQUE, "note", ("title",))


class Tag(msgspec.Struct):
    name: str
    count: int


class NoTag(msgspec.Struct):
    """Tags are never sent to us."""


class Tags:
    """Operations of tags."""

    _names = ("asyncio", "базы данных", "sockets")

    async def all(self, after: str | None = None, limit: int = 50) -> list[Tag]:
        return [Tag(name, 1) for name in sorted(self._names) if name > (after or "")][:limit]

    async def get(self, key: str, /) -> Tag:
        if key not in self._names:
            raise NotFound(key)
        return Tag(key, 1)

    async def create(self, values: NoTag, /) -> Tag:
        raise NotImplementedError

    async def update(self, key: str, changes: NoTag, /) -> Tag:
        raise NotImplementedError

    async def delete(self, key: str, /) -> None:
        raise NotImplementedError


async def writers_only(request: Request, action: Action) -> None:
    """Everybody reads; whoever writes says who they are."""
    if action in (Action.LIST, Action.READ):
        return
    if request.headers.get("authorization") != f"Bearer {TOKEN}":
        raise HTTPException(401, "Say who you are.", headers={"www-authenticate": "Bearer"})


NOTES = Resource(
    name="notes",
    operations=Notes,
    item=Note,
    create=NewNote,
    change=NoteChange,
    key=int,
    key_field="id",
    description="Short texts.",
    filters=NoteFilter,
    constraints={"note_title_unique": ("title", "taken")},
    permit=writers_only,
)
TAGS = Resource(
    name="tags",
    operations=Tags,
    item=Tag,
    create=NoTag,
    change=NoTag,
    key=str,
    key_field="name",
    description="Words on notes.",
    actions=frozenset({Action.LIST, Action.READ}),
)


def create_api() -> Api:
    catalogues = Catalogues([])
    return Api(
        [NOTES, TAGS],
        title="Notes",
        version="1",
        translator_for=lambda connection: catalogues.translator(connection.headers.get("accept-language")),
        session_cookie="session",
    )


def create_application(notes: Notes | None = None) -> Application:
    notes, tags = notes or Notes(TITLES), Tags()
    return Application(create_api().routes, providers={Notes: lambda: notes, Tags: lambda: tags})
