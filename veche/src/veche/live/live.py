"""The live pages of a site: its fragments, put into pages and kept fresh.

One job: put the parts of this package together, and be what a site talks to.
Must not know: what the fragments show, who the viewers are.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2s
from typing import Any, Generic

from markupsafe import Markup

from veche.data import Reader
from veche.live.client_files import ClientFiles
from veche.live.connections import Connections, is_pushless
from veche.live.feeds import FeedBook
from veche.live.fragments import Fragment, FragmentBook, P, V, address_of, bind, element_id
from veche.live.limits import LiveLimits
from veche.live.rendering import Renderer
from veche.live.seats import Doorkeeper
from veche.log import Level, Sink
from veche.publish import Bus
from veche.web import AnyRoute, HTTPConnection, Route


class Live(Generic[V]):
    """Made once by the site, from its fragments.

    viewer: says who is behind a connection, from its cookies; asked at every join anew, so it must not remember.
    bus: started and closed by running(). allowed_origins: origins beside the Host's own that may open sockets, for
    proxies which rewrite Host.
    """

    def __init__(
        self,
        fragments: Iterable[Fragment[V, Any]],
        *,
        bus: Bus,
        reader: Reader,
        viewer: Callable[[HTTPConnection], Awaitable[V]],
        logger: Sink,
        limits: LiveLimits | None = None,
        allowed_origins: Sequence[str] = (),
    ) -> None:
        limits = limits or LiveLimits()
        self._bus = bus
        self._reader = reader
        self._logger = logger
        self.renderer = Renderer(reader, limit_octets=limits.live_kept_octets)
        self.feeds = FeedBook(self.renderer, bus, self._report)
        self.client_files = ClientFiles()
        self.connections = Connections(
            doorkeeper=Doorkeeper(FragmentBook(fragments), reader),
            feeds=self.feeds,
            renderer=self.renderer,
            bus=bus,
            viewer=viewer,
            report=self._report,
            limits=limits,
            allowed_origins=allowed_origins,
        )

    @property
    def routes(self) -> Sequence[AnyRoute]:
        """The addresses of live pages: joins, and the browser's modules."""
        modules = Route(self.client_files.path, self.client_files.serve, name="live-client")
        return (*self.connections.routes, modules)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the application's lifespan: between entering and leaving, changes arrive."""
        await self._bus.start()
        try:
            yield
        finally:
            self.connections.close()
            await self._bus.close()

    async def embed(self, viewer: V, fragment: Fragment[V, P], params: P, *, tag: str = "div") -> Markup:
        """Return the fragment as it is now, inside the element that keeps it fresh; nothing for others."""
        if not await fragment.allow(self._reader, viewer, params):
            return Markup()
        rendered = await self.renderer.renew(bind(fragment, params, viewer))
        if rendered is None:
            return Markup()
        return _element(tag, address_of(fragment, params), rendered.version, Markup(rendered.html))  # noqa: S704  # rendered by the site's templates

    def place(self, fragment: Fragment[V, P], params: P, *, tag: str = "div") -> Markup:
        """Return place(fragment, params)."""
        return place(fragment, params, tag=tag)

    def head(self, connection: HTTPConnection, viewer: V, *, nonce: str = "") -> Markup:
        """Return what a page needs in its <head>: the script, and what it must know of this visitor and this server."""
        # A socket keeps the cookies of its handshake; the client opens another when those of the page are others.
        credentials = blake2s(connection.headers.get("cookie", "").encode(), digest_size=4).hexdigest()
        viewer_meta = Markup('<meta name="live-viewer" content="{}" data-credentials="{}">')
        lines = [viewer_meta.format(viewer.key, credentials)]
        if is_pushless(connection):
            lines.append(Markup('<meta name="live-transport" content="poll">'))
        others = sorted(name for name in self.client_files.modules if name != "live.js")
        lines += [
            Markup('<link rel="modulepreload" href="{}">').format(self.client_files.address(name)) for name in others
        ]
        script = Markup('<script type="module" src="{}"{}></script>')
        nonced = Markup(' nonce="{}"').format(nonce) if nonce else Markup()
        return Markup("\n").join([*lines, script.format(self.client_files.address(), nonced)])

    def _report(self, doing: str, failure: Exception) -> None:
        self._logger.log_message(doing, level=Level.ERROR, error=f"{type(failure).__name__}: {failure}")


def place(fragment: Fragment[V, P], params: P, *, tag: str = "div") -> Markup:
    """Return the fragment's empty element, which the browser fills: for a personal part inside a shared one."""
    return _element(tag, address_of(fragment, params), "", Markup())


def _element(tag: str, address: str, version: str, html: Markup) -> Markup:
    opening = Markup('<{0} id="{1}" data-live="{2}" data-version="{3}">{4}</{0}>')
    return opening.format(tag, element_id(address), address, version, html)
