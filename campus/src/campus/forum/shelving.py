"""The categories: made, changed and taken away by administrators.

One job: the use cases, one function and one unit of work each. Must not know: requests, forms.
"""

import re
import unicodedata
from typing import Final

from sqlalchemy import bindparam, func, select

from campus.accounts.viewer import Viewer
from campus.forum.actions import LAST_POSITION
from campus.forum.errors import CategoryInUse, LoginNeeded, NotPermitted
from campus.forum.model import MAX_SLUG, Category
from campus.forum.queries import categories_revision, category_topic, forum_topic
from campus.settings import Language
from veche.data import ConstraintKind, ConstraintViolated, Statement, Unit, UnitsOfWork, get_for_update, new_id

NEXT_POSITION: Final = Statement(
    select(func.coalesce(func.max(Category.position), 0) + 1).where(
        Category.community_id == bindparam("community_id"), Category.position < LAST_POSITION
    )
)
RESERVED: Final = frozenset({"new", "own"})


async def add_category(
    units: UnitsOfWork, viewer: Viewer, title: str, description: str, language: Language | None
) -> Category:
    """Make a category; its address comes from its title. Raises ConstraintViolated when that is taken."""
    _require(viewer)
    async with units.begin() as unit:
        category = Category(
            community_id=viewer.community_id,
            id=new_id(),
            slug=slug_of(title),
            title=title,
            description=description,
            language=language,
            position=await unit.value(NEXT_POSITION, community_id=viewer.community_id) or 0,
            revision=1,
        )
        await unit.insert(category)
        await _say(unit, category)
        await unit.commit()
    return category


async def change_category(
    units: UnitsOfWork,
    viewer: Viewer,
    category_id: int,
    *,
    title: str,
    description: str,
    language: Language | None,
    position: int,
) -> None:
    """Change what is said of a category and where it stands; its address stays. Raises NotFound."""
    _require(viewer)
    async with units.begin() as unit:
        category = await get_for_update(unit, Category, community_id=viewer.community_id, id=category_id)
        category.title, category.description = title, description
        category.language, category.position = language, position
        category.revision += 1
        await unit.update(category, "title", "description", "language", "position", "revision")
        await _say(unit, category)
        await unit.commit()


async def delete_category(units: UnitsOfWork, viewer: Viewer, category_id: int) -> None:
    """Take an empty category away. Raises NotFound, CategoryInUse."""
    _require(viewer)
    try:
        async with units.begin() as unit:
            category = await get_for_update(unit, Category, community_id=viewer.community_id, id=category_id)
            await unit.delete(category)
            await _say(unit, category)
            await unit.commit()
    except ConstraintViolated as error:
        if error.kind is not ConstraintKind.FOREIGN_KEY:
            raise
        raise CategoryInUse("Threads stand in this category; move them first.") from error


def slug_of(title: str) -> str:
    """Return the title as it stands in an address: letters and digits of any script, "-" between words."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", title).casefold()).strip("-")[:MAX_SLUG].strip("-")
    return words if words and words not in RESERVED else f"category-{words}".strip("-")


def _require(viewer: Viewer) -> None:
    if not viewer.is_member:
        raise LoginNeeded("Log in first.")
    if not viewer.administers:
        raise NotPermitted("Only administrators make and change categories.")


async def _say(unit: Unit, category: Category) -> None:
    community_id = category.community_id
    unit.publish_after_commit(category_topic(community_id, category.id), category.revision)
    unit.publish_after_commit(forum_topic(community_id), await categories_revision(unit, community_id))
