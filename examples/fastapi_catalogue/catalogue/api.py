"""The REST API and the feed's address.

One job: from requests to one unit of work each, and from the store's errors to statuses.
Must not know: which store answers.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response, WebSocket
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse

from catalogue.feed import send_changes
from catalogue.model import Course, CourseChange, NewCourse
from catalogue.repository import AlreadyThere, CatalogueError, ChangedMeanwhile, NotFound, Unavailable, Units

STATUSES: Final[Mapping[type[CatalogueError], int]] = {
    NotFound: 404,
    AlreadyThere: 409,
    ChangedMeanwhile: 412,
    Unavailable: 503,
}

router = APIRouter()


def units_of(connection: HTTPConnection) -> Units:
    """What the lifespan opened."""
    units: Units = connection.state.units
    return units


UnitsOfSite = Annotated[Units, Depends(units_of)]
Limit = Annotated[int, Query(ge=1, le=200)]
Revision = Annotated[int, Query(ge=0)]
Seen = Annotated[str, Header(alias="If-Match", pattern=r'^"\d{1,18}"$')]


@router.get("/api/courses")
async def courses(units: UnitsOfSite, after: str = "", limit: Limit = 50) -> Sequence[Course]:
    async with units() as unit:
        return await unit.courses.all(after=after, limit=limit)


@router.post("/api/courses", status_code=201)
async def add(new: NewCourse, units: UnitsOfSite, response: Response) -> Course:
    async with units() as unit:
        course = await unit.courses.add(new)
        await unit.commit()
    response.headers["location"] = f"/api/courses/{course.slug}"
    return _tagged(course, response)


@router.get("/api/courses/{slug}")
async def course(slug: str, units: UnitsOfSite, response: Response) -> Course:
    async with units() as unit:
        return _tagged(await unit.courses.get(slug), response)


@router.put("/api/courses/{slug}")
async def change(slug: str, wanted: CourseChange, if_match: Seen, units: UnitsOfSite, response: Response) -> Course:
    async with units() as unit:
        course = await unit.courses.change(slug, wanted, seen_revision=int(if_match.strip('"')))
        await unit.commit()
    return _tagged(course, response)


@router.delete("/api/courses/{slug}", status_code=204)
async def remove(slug: str, units: UnitsOfSite) -> None:
    async with units() as unit:
        await unit.courses.remove(slug)
        await unit.commit()


@router.get("/api/changes")
async def changes(units: UnitsOfSite, since: Revision = 0, limit: Limit = 50) -> Sequence[Course]:
    async with units() as unit:
        return await unit.courses.changed_since(since, limit=limit)


@router.websocket("/feed")
async def feed(socket: WebSocket, units: UnitsOfSite, since: Revision = 0) -> None:
    """since: the last revision that the reader has; a reader who comes back gets what it missed."""
    await socket.accept()
    await send_changes(socket, units, socket.state.bell, since)


async def refused(_request: Request, error: Exception) -> Response:
    """The store's error as problem+json (RFC 9457)."""
    status = STATUSES[type(error)] if isinstance(error, CatalogueError) else 500
    body = {"title": type(error).__name__, "status": status, "detail": str(error)}
    return JSONResponse(body, status, media_type="application/problem+json")


def _tagged(course: Course, response: Response) -> Course:
    response.headers["etag"] = f'"{course.revision}"'
    return course
