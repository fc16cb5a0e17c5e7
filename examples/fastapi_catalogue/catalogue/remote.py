"""Courses of another site, by its REST API.

One job: meet the contract of repository.py with requests to a site that serves api.py.
Must not know: tables, who asks.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from catalogue.model import Course, CourseChange, NewCourse
from catalogue.repository import AlreadyThere, CatalogueError, ChangedMeanwhile, NotFound, Unavailable

Shape = TypeVar("Shape")

COURSE: Final = TypeAdapter(Course)
COURSES: Final = TypeAdapter(list[Course])
ERRORS: Final[Mapping[int, type[CatalogueError]]] = {404: NotFound, 409: AlreadyThere, 412: ChangedMeanwhile}


class RemoteRepository:
    """The contract's remote side. client: its base_url is the other site, its timeout how long we wait for it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def all(self, *, after: str = "", limit: int = 50) -> Sequence[Course]:
        return await self._ask(COURSES, "GET", "/api/courses", params={"after": after, "limit": limit})

    async def get(self, slug: str) -> Course:
        return await self._ask(COURSE, "GET", address(slug))

    async def add(self, new: NewCourse) -> Course:
        return await self._ask(COURSE, "POST", "/api/courses", body=new)

    async def change(self, slug: str, change: CourseChange, *, seen_revision: int) -> Course:
        headers = {"If-Match": f'"{seen_revision}"'}
        return await self._ask(COURSE, "PUT", address(slug), body=change, headers=headers)

    async def remove(self, slug: str) -> None:
        await self._send("DELETE", address(slug))

    async def changed_since(self, revision: int, *, limit: int = 50) -> Sequence[Course]:
        return await self._ask(COURSES, "GET", "/api/changes", params={"since": revision, "limit": limit})

    async def _ask(
        self,
        shape: TypeAdapter[Shape],
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: BaseModel | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Shape:
        answer = await self._send(method, path, params=params, body=body, headers=headers)
        try:
            return shape.validate_json(answer.content)
        except ValidationError as error:
            raise Unavailable(f"{answer.url} does not answer as a catalogue does.") from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: BaseModel | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        json = None if body is None else body.model_dump()
        try:
            answer = await self._client.request(method, path, params=params, json=json, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable(f"{self._client.base_url} cannot be reached: {error!r}") from error
        if answer.is_success:
            return answer
        detail = answer.json().get("detail") if "json" in answer.headers.get("content-type", "") else answer.text
        raise ERRORS.get(answer.status_code, Unavailable)(str(detail))


def address(slug: str) -> str:
    """The path of a course; whatever the slug holds stays one segment."""
    return f"/api/courses/{quote(slug, safe='')}"


class RemoteUnit:
    """A unit of work on the other site: there every single call is a transaction of its own.

    So do one change in a unit. Two would need the other site to offer both in one request; nothing on our side can
    take the first back when the second fails.
    """

    def __init__(self, client: httpx.AsyncClient, after_commit: Callable[[], None]) -> None:
        self._after_commit = after_commit
        self.courses = RemoteRepository(client)

    async def commit(self) -> None:
        self._after_commit()


class RemoteUnits:
    """`async with units() as unit:`"""

    def __init__(self, client: httpx.AsyncClient, after_commit: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._after_commit = after_commit

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[RemoteUnit]:
        yield RemoteUnit(self._client, self._after_commit)
