"""What a layout loads for itself, without the children ever waiting for it.

One job: start the loaders of a page, and say what each gave by the moment it is asked: its part or a placeholder.
Must not know: which layout shows it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from markupsafe import Markup, escape

from veche.log import Level, Logger
from veche.web.errors import WrongConfiguration
from veche.web.requests import Request

# What it returns is shown: text is escaped, Markup is not. An async loader must not block the loop; a plain function
# may block, it runs in a thread.
Loader: TypeAlias = Callable[[Request], Awaitable[object]] | Callable[[Request], object]


class Loaders:
    """The loaders of a site by name, with threads of their own so that a hanging one takes nobody else's."""

    def __init__(self, loaders: Mapping[str, Loader], logger: Logger, *, address: str, threads: int = 4) -> None:
        self._loaders = dict(loaders)
        self._logger = logger
        self._address = address
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="layout")

    def __contains__(self, name: str) -> bool:
        return name in self._loaders

    def require(self, name: str, layout: str) -> None:
        """Raise WrongConfiguration where a layout names a loader that nobody handed in."""
        if name not in self._loaders:
            known = ", ".join(sorted(self._loaders)) or "none"
            raise WrongConfiguration(f"layout {layout!r} loads {name!r}; the loaders are {known}; hand it in")

    async def load(self, name: str, request: Request) -> Markup:
        """Return what the loader gives, ready to be shown."""
        loader = self._loaders[name]
        if asyncio.iscoroutinefunction(loader):
            return escape(await loader(request))
        return escape(await asyncio.get_running_loop().run_in_executor(self._threads, loader, request))

    def element(self, name: str, content: Markup | None) -> Markup:
        """Return the part, or the placeholder that the live client fills; both have one id, so a morph keeps it."""
        lazy = Markup() if content is not None else Markup(' data-live-lazy="{}/{}"').format(self._address, name)
        return Markup('<span id="layout-{}"{}>{}</span>').format(name.replace("_", "-"), lazy, content or Markup())

    def log_failure(self, name: str, error: BaseException) -> None:
        """Write down why a part is missing; nobody else will hear of it."""
        self._logger.log_message(
            "a layout's loader failed; its page is shown without it", level=Level.ERROR, loader=name, error=repr(error)
        )


class PartsOfPage:
    """The loaders of one page, running while its handler works."""

    def __init__(self, loaders: Loaders, request: Request) -> None:
        self._loaders = loaders
        self._request = request
        self._tasks: dict[str, asyncio.Task[Markup]] = {}

    def start(self, name: str) -> None:
        """Start a loader, once."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._loaders.load(name, self._request), name=f"layout:{name}")

    def collect(self) -> dict[str, Markup]:
        """Return the element of every part as it is at this moment; what is not done is given up, never awaited."""
        elements: dict[str, Markup] = {}
        for name, task in self._tasks.items():
            content: Markup | None = None
            if not task.done():
                task.add_done_callback(_heard)
                task.cancel()
            elif not task.cancelled() and (error := task.exception()) is not None:
                self._loaders.log_failure(name, error)
            elif not task.cancelled():
                content = task.result()
            elements[name] = self._loaders.element(name, content)
        self._tasks.clear()
        return elements


def _heard(task: asyncio.Task[Markup]) -> None:
    if not task.cancelled():
        task.exception()  # it failed while it was being given up: asyncio must not call that forgotten
