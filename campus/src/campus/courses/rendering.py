"""A lesson's Markdown as HTML, with the addresses that its course gives to other lessons and to files.

One job: what `lesson:` and `asset:` mean in one course at one revision.
Must not know: who reads, how Markdown becomes HTML.
"""

import asyncio
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from campus.courses.model import Asset, Course
from campus.courses.queries import ASSETS, OutlineEntry
from campus.markdown import Links, RenderedMarkdown, Trust, render
from veche.data import Reader

DIGEST_DIGITS: Final = 12


def course_path(slug: str) -> str:
    """The address of a course."""
    return f"/courses/{quote(slug)}"


def lesson_path(course_slug: str, lesson_slug: str) -> str:
    """The address of a lesson."""
    return f"/courses/{quote(course_slug)}/{quote(lesson_slug)}"


def asset_path(course_slug: str, asset: Asset) -> str:
    """The address of a file, which changes with its content."""
    return f"/courses/{quote(course_slug)}/files/{quote(asset.path)}?v={asset.digest[:DIGEST_DIGITS]}"


def links_of(course: Course, outline: Sequence[OutlineEntry], assets: Sequence[Asset]) -> Links:
    """Return where the links of this course's lessons lead. A lesson goes by its source, or by its address here."""
    lessons = {entry.slug: lesson_path(course.slug, entry.slug) for entry in outline}
    lessons |= {entry.source_path: lessons[entry.slug] for entry in outline if entry.source_path is not None}
    files = {asset.path: asset_path(course.slug, asset) for asset in assets}
    # Everything that the answers depend on raises the revision, so a changed link is not served from the cache.
    return Links(key=f"course {course.id} {course.revision}", lesson=lessons.get, asset=files.get)


async def render_lesson(reader: Reader, course: Course, outline: Sequence[OutlineEntry], text: str) -> RenderedMarkdown:
    """Return a text of the course as HTML."""
    assets = await reader.all(ASSETS, community_id=course.community_id, course_id=course.id)
    links = links_of(course, outline, assets)
    # A long chapter takes longer than other requests should wait, and most are in the cache.
    return await asyncio.to_thread(render, text, trust=Trust.TEACHER, links=links, language=course.language)


async def render_attribution(course: Course) -> RenderedMarkdown:
    """Return who made the course, as HTML."""
    return await asyncio.to_thread(render, course.attribution, anchor_prefix="by-", language=course.language)
