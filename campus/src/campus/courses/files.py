"""Pictures and files of courses, as they are served.

One job: who gets which file, and what a browser may do with it. None of these files is ours, so none is trusted.
Must not know: where the octets lie, how they are sent.
"""

from typing import Final

from campus.accounts.viewer import Viewer
from campus.courses.access import open_course
from campus.courses.media import MediaFolder
from campus.courses.model import Asset, CourseState
from campus.courses.rendering import DIGEST_DIGITS
from veche.data import Reader, get
from veche.web import FileResponse, Response, Route

SANDBOX: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
SVG: Final = "image/svg+xml"
PLAIN: Final = "text/plain; charset=utf-8"
A_YEAR_SECONDS: Final = 31_536_000


async def asset_file(
    viewer: Viewer, reader: Reader, media: MediaFolder, slug: str, path: str, *, v: str = ""
) -> Response:
    """A file of a course that the viewer may see; under the address with its digest it is kept for a year."""
    course = (await open_course(reader, viewer, slug)).course
    asset = await get(reader, Asset, community_id=course.community_id, course_id=course.id, path=path)
    headers = {"x-content-type-options": "nosniff", "cache-control": _cache(asset, course.state, v)}
    if asset.media_type.startswith("text/") or asset.media_type == SVG:
        headers["content-security-policy"] = SANDBOX
    shown = asset.media_type.startswith("image/") or asset.media_type == PLAIN
    return FileResponse(
        media.path_of(asset.digest),
        headers=headers,
        media_type=asset.media_type,
        filename=None if shown else asset.path.rpartition("/")[2],
        etag=f'"{asset.digest}"',
    )


def _cache(asset: Asset, state: CourseState, version: str) -> str:
    who = (
        "public" if state is CourseState.PUBLISHED else "private"
    )  # a draft's picture is no business of a shared cache
    if version and asset.digest.startswith(version) and len(version) >= DIGEST_DIGITS:
        return f"{who}, max-age={A_YEAR_SECONDS}, immutable"
    return f"{who}, no-cache"


ROUTES: Final = (Route("/courses/{slug}/files/{path:path}", asset_file, methods=("GET",), name="course_file"),)
