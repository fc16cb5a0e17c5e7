"""One kind of thing that programs may list, read, create, change and delete.

One job: name the thing's types and the operations that its site has for it.
Must not know: HTTP's details, the database.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from veche.web import Request

Item = TypeVar("Item", bound=msgspec.Struct)
Create = TypeVar("Create", bound=msgspec.Struct)
Change = TypeVar("Change", bound=msgspec.Struct)
Key = TypeVar("Key", int, str)

ItemOut_co = TypeVar("ItemOut_co", covariant=True)
CreateIn_contra = TypeVar("CreateIn_contra", contravariant=True)
ChangeIn_contra = TypeVar("ChangeIn_contra", contravariant=True)
KeyIn_contra = TypeVar("KeyIn_contra", contravariant=True)


class ResourceError(Exception):
    """The base of what this package raises."""


class NotAllowed(ResourceError):
    """Whoever asks may not do this; the answer is 403, its detail is the message."""


class Conflict(ResourceError):
    """The thing is not in a state in which this can be done; the answer is 409, its detail is the message."""


class Action(Enum):
    """What may be done with a thing."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


ALL_ACTIONS: Final = frozenset(Action)


class Operations(Protocol[ItemOut_co, CreateIn_contra, ChangeIn_contra, KeyIn_contra]):
    """What a site has for one kind of thing; its pages call the same. Made for one request, by a provider of its type.

    A key that nobody has raises veche.data.NotFound; NotAllowed, Conflict and veche.data's errors are understood too.
    """

    @property
    def all(self) -> Callable[..., Awaitable[Sequence[ItemOut_co]]]:
        """`await all(after, limit, **filters)`: at most limit things behind the key after, in the order of their keys.

        after: None for the first page. filters: the fields of the resource's filters type.
        """

    async def get(self, key: KeyIn_contra, /) -> ItemOut_co: ...

    async def create(self, values: CreateIn_contra, /) -> ItemOut_co: ...

    async def update(self, key: KeyIn_contra, changes: ChangeIn_contra, /) -> ItemOut_co: ...

    async def delete(self, key: KeyIn_contra, /) -> None: ...


async def permit_all(_request: Request, _action: Action) -> None:
    """The permit of a resource whose operations decide themselves who may do what."""


@dataclass(frozen=True, slots=True)
class Resource(Generic[Item, Create, Change, Key]):
    """A kind of thing under /api/<name>.

    operations: the type for which the application has a provider. item, create, change: what is sent, what POST takes,
    what PATCH takes (its fields are UNSET by default). key, key_field: the type of the keys, in whose order `all`
    lists, and the field of the item that holds its key.
    filters: query fields of the list. constraints: the database's constraint names → (field, code).
    permit: asked before anything is read; raises HTTPException (401, 403) to refuse.
    """

    name: str
    operations: type[Operations[Item, Create, Change, Key]]
    item: type[Item]
    create: type[Create]
    change: type[Change]
    key: type[Key]
    key_field: str
    description: str
    filters: type[msgspec.Struct] | None = None
    actions: frozenset[Action] = ALL_ACTIONS
    constraints: dict[str, tuple[str, str]] | None = None
    permit: Callable[[Request, Action], Awaitable[None]] = permit_all

    def key_of(self, item: Item) -> Key:
        """Return the key of an item."""
        found = getattr(item, self.key_field)
        assert isinstance(found, self.key), f"{self.item.__name__}.{self.key_field} is no {self.key.__name__}"
        return found

    @property
    def path(self) -> str:
        """The address of the list."""
        return f"/api/{self.name}"

    @property
    def item_path(self) -> str:
        """The address of one thing, as the router reads it."""
        return f"/api/{self.name}/{{key:{'int' if self.key is int else 'str'}}}"
