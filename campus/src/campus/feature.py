"""What a feature gives to the site: the composition root takes it apart.

One job: the shape of a feature, so that adding one is one line in site.py.
Must not know: any feature but accounts, which every feature may know.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from campus.accounts.viewer import Viewer
from campus.parts import Parts
from veche.changes import Message
from veche.data import Reader
from veche.live import Fragment
from veche.resources import Resource
from veche.web import AnyRoute, ExceptionHandler, Provider
from veche.web.layouts import Loader
from veche.web.templates import Templates

NewestRevisions: TypeAlias = Callable[[Reader, int, frozenset[str]], Awaitable[Mapping[str, int]]]
"""From a community and the topics that somebody looks at to the versions of those that are the feature's."""

LoadSample: TypeAlias = Callable[[Parts], Awaitable[None]]
"""Fills a new site with something to look at; called again after a start that died, so it skips what is there."""

MakeFragments: TypeAlias = Callable[[Templates], Sequence[Fragment[Viewer, Any]]]
"""From the site's templates, with which they are rendered, to the feature's live parts."""

SectionLoader: TypeAlias = Callable[[Reader, Viewer, int], Awaitable[Mapping[str, object] | None]]


FrontLoader: TypeAlias = Callable[[Reader, Viewer], Awaitable[Mapping[str, object] | None]]

PublicAddresses: TypeAlias = Callable[[Reader, int], Awaitable[Sequence[str]]]
"""From a community to the paths of the feature's pages that everybody may see."""


@dataclass(frozen=True)
class FrontSection:
    """A part of the front page: what a feature has to offer to this viewer.

    template: finds what load(reader, viewer) returns as `section`; None leaves the section out.
    """

    template: str
    load: FrontLoader


@dataclass(frozen=True)
class ProfileSection:
    """A part of a member's page: what a feature knows about them.

    template: rendered with what load(reader, viewer, account_id) returns; None leaves the section out.
    """

    template: str
    load: SectionLoader


@dataclass(frozen=True, kw_only=True)
class Feature:
    """templates: the folder that stands under the feature's name; its catalogues lie in `locale` beside it.

    messages: its own error codes.

    fragments: its live parts.
    newest: how the versions of its topics are read, for workers that no message reaches.
    resources: what programs may list, read and change under /api.
    loaders: what layouts may load by name; each is made once from the site's parts.
    public_addresses: what the site map lists of it.
    """

    name: str
    templates: Path
    routes: tuple[AnyRoute, ...]
    profile_sections: tuple[ProfileSection, ...] = ()
    front_sections: tuple[FrontSection, ...] = ()
    public_addresses: PublicAddresses | None = None
    messages: Mapping[str, Message] = field(default_factory=dict)
    providers: Mapping[type, Provider] = field(default_factory=dict)
    fragments: MakeFragments | None = None
    newest: NewestRevisions | None = None
    load_sample: LoadSample | None = None
    resources: tuple[Resource[Any, Any, Any, Any], ...] = ()
    loaders: Mapping[str, Callable[[Parts], Loader]] = field(default_factory=dict)
    exception_handlers: Mapping[type[Exception], ExceptionHandler] = field(default_factory=dict)
