"""The administrators' page of categories.

One job: show them, and turn what is typed about them into use cases. Must not know: SQL.
"""

from typing import Final

from campus.accounts.viewer import Member, require_role
from campus.forum.errors import CategoryInUse
from campus.forum.forms import CategoryForm
from campus.forum.forum_screen import ForumScreen
from campus.forum.model import Category
from campus.forum.shelving import add_category, change_category, delete_category
from campus.model import Role
from veche.data import ConstraintViolated, get
from veche.web import RedirectResponse, Response, Route
from veche.web.forms import Form

ADDRESS: Final = "/administration/categories"


async def categories_page(desk: ForumScreen, viewer: Member) -> Response:
    """All categories, and an empty form for another."""
    require_role(viewer, Role.ADMINISTRATOR)
    return await _categories(desk, Form.empty(CategoryForm))


async def send_category(desk: ForumScreen, viewer: Member, form: Form[CategoryForm]) -> Response:
    """Make a category."""
    require_role(viewer, Role.ADMINISTRATOR)
    if form.value is None:
        return await _categories(desk, form, status_code=422)
    said = form.value
    try:
        await add_category(desk.units, viewer, said.title, said.description, said.language)
    except ConstraintViolated as error:
        if error.name != "uq_category_community_id_slug":
            raise
        return await _categories(desk, form.with_error("title", "category_taken"), status_code=409)
    return RedirectResponse(ADDRESS)


async def category_settings_page(desk: ForumScreen, viewer: Member, category_id: int) -> Response:
    """One category, to be changed."""
    require_role(viewer, Role.ADMINISTRATOR)
    category = await get(desk.reader, Category, community_id=viewer.community_id, id=category_id)
    return await _category(desk, category_id, Form.empty(CategoryForm, category))


async def send_category_settings(
    desk: ForumScreen, viewer: Member, form: Form[CategoryForm], category_id: int
) -> Response:
    """Change a category."""
    require_role(viewer, Role.ADMINISTRATOR)
    if form.value is None:
        return await _category(desk, category_id, form, status_code=422)
    said = form.value
    await change_category(
        desk.units,
        viewer,
        category_id,
        title=said.title,
        description=said.description,
        language=said.language,
        position=said.position,
    )
    return RedirectResponse(ADDRESS)


async def send_category_deletion(desk: ForumScreen, viewer: Member, category_id: int) -> Response:
    """Take an empty category away."""
    require_role(viewer, Role.ADMINISTRATOR)
    try:
        await delete_category(desk.units, viewer, category_id)
    except CategoryInUse:
        category = await get(desk.reader, Category, community_id=viewer.community_id, id=category_id)
        refused = Form.empty(CategoryForm, category).with_error("", "category_in_use")
        return await _category(desk, category_id, refused, status_code=409)
    return RedirectResponse(ADDRESS)


async def _categories(desk: ForumScreen, form: Form[CategoryForm], *, status_code: int = 200) -> Response:
    return await desk.screen.render(
        "forum/categories.html", categories=await desk.forum.categories(), form=form, status_code=status_code
    )


async def _category(
    desk: ForumScreen, category_id: int, form: Form[CategoryForm], *, status_code: int = 200
) -> Response:
    return await desk.screen.render(
        "forum/category_settings.html", category_id=category_id, form=form, status_code=status_code
    )


ROUTES: Final = (
    Route(ADDRESS, categories_page, methods=("GET",), name="categories"),
    Route(ADDRESS, send_category, methods=("POST",)),
    Route(f"{ADDRESS}/{{category_id:int}}", category_settings_page, methods=("GET",), name="category_settings"),
    Route(f"{ADDRESS}/{{category_id:int}}", send_category_settings, methods=("POST",)),
    Route(f"{ADDRESS}/{{category_id:int}}/delete", send_category_deletion, methods=("POST",), name="delete_category"),
)
