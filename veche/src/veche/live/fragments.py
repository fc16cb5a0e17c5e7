"""Live parts of pages: what a site declares about each, and the address under which a page holds it.

One job: the declarations, and their translation to and from addresses such as "thread?community=1&number=5".
Must not know: who is connected, how HTML travels.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, Final, Generic, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec

from veche.data import Reader
from veche.live.viewers import Audience, Viewer

V = TypeVar("V", bound=Viewer)
P = TypeVar("P", bound=msgspec.Struct)

NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


class LiveError(Exception):
    """The base of what goes wrong in live pages."""


class UnknownAddress(LiveError):
    """The address names no fragment, or not in the one way in which it is written."""


def no_topics(_params: Any) -> Sequence[str]:
    """Guards of a fragment whose rights depend on the viewer alone."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFragment(Generic[V, P]):
    """A part that looks the same to a whole audience: rendered once for all of it, so it never gets to see a viewer.

    params: a frozen Struct of scalars; with the name it is the address.
    topics: what it shows; a change of any of them is looked at.
    allow: may this viewer see it? Asked when somebody joins, at each heartbeat, and when one of the viewer's own topics
        or of `guards` changes.
    render: the HTML, or None when nobody of this audience sees it (any more).
    version: the durable revision of what it shows, read before the rows; None when the thing is gone. Without it
        the version is the digest of the HTML, which then is rendered for every look.
    guards: topics whose change may take the right away from somebody, such as a category's.
    """

    name: str
    params: type[P]
    topics: Callable[[P], Sequence[str]]
    allow: Callable[[Reader, V, P], Awaitable[bool]]
    render: Callable[[Reader, Audience, P], Awaitable[str | None]]
    version: Callable[[Reader, P], Awaitable[int | None]] | None = None
    guards: Callable[[P], Sequence[str]] = no_topics


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFragment(Generic[V, P]):
    """A part that belongs to one viewer: unread marks, own buttons. The fields are those of SharedFragment."""

    name: str
    params: type[P]
    topics: Callable[[V, P], Sequence[str]]
    allow: Callable[[Reader, V, P], Awaitable[bool]]
    render: Callable[[Reader, V, P], Awaitable[str | None]]
    version: Callable[[Reader, V, P], Awaitable[int | None]] | None = None
    guards: Callable[[P], Sequence[str]] = no_topics


Fragment: TypeAlias = SharedFragment[V, P] | PersonalFragment[V, P]


@dataclass(frozen=True, slots=True)
class Showing:
    """One fragment with its parameters, bound to whom it is rendered for; equal keys have equal bytes."""

    key: tuple[str, Audience, str]
    address: str
    topics: tuple[str, ...]
    version: Callable[[Reader], Awaitable[int | None]] | None
    render: Callable[[Reader], Awaitable[str | None]]


def bind(fragment: Fragment[V, P], params: P, viewer: V) -> Showing:
    """Bind a fragment to a viewer; of a shared one only the viewer's audience remains."""
    address = address_of(fragment, params)
    audience = viewer.audience
    if isinstance(fragment, SharedFragment):
        return _bind_shared(fragment, params, audience, address)
    version = fragment.version
    return Showing(
        key=(address, audience, viewer.key),
        address=address,
        topics=tuple(fragment.topics(viewer, params)),
        version=None if version is None else (lambda reader: version(reader, viewer, params)),
        render=lambda reader: fragment.render(reader, viewer, params),
    )


def _bind_shared(fragment: SharedFragment[V, P], params: P, audience: Audience, address: str) -> Showing:
    # A function of its own: the viewer is out of reach of the closures that are kept for the whole audience.
    version = fragment.version
    return Showing(
        key=(address, audience, ""),
        address=address,
        topics=tuple(fragment.topics(params)),
        version=None if version is None else (lambda reader: version(reader, params)),
        render=lambda reader: fragment.render(reader, audience, params),
    )


def address_of(fragment: Fragment[V, P], params: P) -> str:
    """The one address of the fragment with these parameters."""
    values: Mapping[str, object] = msgspec.to_builtins(params, str_keys=True)
    query = urlencode(sorted((name, _text(value)) for name, value in values.items() if value is not None))
    return f"{fragment.name}?{query}" if query else fragment.name


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def element_id(address: str) -> str:
    """The id of the element that holds the address in a page; the same in every page, so it survives a morph."""
    name, _mark, query = address.partition("?")
    return f"live-{name}-{blake2s(query.encode(), digest_size=4).hexdigest()}" if query else f"live-{name}"


class FragmentBook(Generic[V]):
    """The fragments of a site, by name."""

    def __init__(self, fragments: Iterable[Fragment[V, Any]]) -> None:
        self._fragments: dict[str, Fragment[V, Any]] = {}
        for fragment in fragments:
            if not NAME.fullmatch(fragment.name):
                raise ValueError(f"fragment name {fragment.name!r}; expected lower-case letters, digits and hyphens")
            if fragment.name in self._fragments:
                raise ValueError(f"two fragments are called {fragment.name!r}; each needs a name of its own")
            self._fragments[fragment.name] = fragment

    def resolve(self, address: str) -> tuple[Fragment[V, Any], Any]:
        """Return the fragment and its parameters. Raises UnknownAddress."""
        name, _mark, query = address.partition("?")
        fragment = self._fragments.get(name)
        if fragment is None:
            raise UnknownAddress(f"no fragment is called {name!r}")
        try:
            params = msgspec.convert(dict(parse_qsl(query)), fragment.params, strict=False)
        except (msgspec.ValidationError, ValueError) as error:
            raise UnknownAddress(f"{address!r}: {error}") from error
        # One thing, one address: else a browser could make this worker keep the same bytes under a thousand names.
        if address_of(fragment, params) != address:
            raise UnknownAddress(f"{address!r} is not how the address is written")
        return fragment, params
