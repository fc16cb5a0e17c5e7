"""What teachers do: make a course, write lessons, put them in order, publish, copy, delete."""

import re

import pytest

from campus.courses.model import CourseState
from campus.model import Role
from fixtures.campus_site import Site
from fixtures.course_site import RunScenario, make_course


def test_a_teacher_makes_a_course_and_publishes_it(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher, reader = site.visitor(), site.visitor()
        await site.register(teacher, "olga", Role.TEACHER)
        page = await teacher.submit(
            await teacher.get("/courses/new"), "course-form", title="Тихий час", language="ru", summary="Как уснуть."
        )
        assert page.path == "/courses/%D1%82%D0%B8%D1%85%D0%B8%D0%B9-%D1%87%D0%B0%D1%81/edit"
        course = page.path.removesuffix("/edit")
        page = await teacher.submit(
            await teacher.get(f"{course}/lessons/new"), "lesson-form", title="Сон", text="Закройте **глаза**."
        )
        assert "<strong>глаза</strong>" in page.text
        assert (await reader.get(course)).status_code == 404
        await teacher.submit(await teacher.get(f"{course}/edit"), "course-state")
        shown = await reader.get(course)
        assert "Тихий час" in shown.text
        assert "Иван Петров" in shown.text, "its teacher"
        await teacher.submit(await teacher.get(f"{course}/edit"), "course-state")
        assert (await reader.get(course)).status_code == 404

    on_site(scenario)


def test_wrong_input_comes_back_with_every_error_and_a_taken_address_beside_its_field(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher = site.visitor()
        account = await site.register(teacher, "olga", Role.TEACHER)
        await make_course(site.units, teacher=account)
        page = await teacher.post("/courses/new", form={"title": "", "language": "?", "slug": "a b"})
        assert page.status_code == 422
        assert page.text.count('class="field-error"') == 3
        page = await teacher.post("/courses/new", form={"title": "Bread", "language": "en", "slug": "bread"})
        assert page.status_code == 409
        assert "already taken" in page.text
        page = await teacher.post(
            "/courses/bread/water/edit", form={"title": "Water", "text": "kept text", "slug": "fire"}
        )
        assert page.status_code == 409
        assert "kept text" in page.text

    on_site(scenario)


def test_a_preview_shows_the_lesson_and_saves_nothing(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher = site.visitor()
        await make_course(site.units, teacher=await site.register(teacher, "olga", Role.TEACHER))
        form = {"title": "", "text": "See [the *fire*](lesson:fire).", "preview": "on"}
        page = await teacher.post("/courses/bread/water/edit", form=form)
        assert page.status_code == 200
        assert '<a href="/courses/bread/fire">the <em>fire</em></a>' in page.text
        assert 'class="field-error"' not in page.text
        assert "All about" in (await teacher.get("/courses/bread/water")).text
        page = await teacher.post("/courses/bread/lessons/new", form=form)
        assert "the <em>fire</em>" in page.text

    on_sqlite(scenario)


def test_lessons_are_moved_renamed_and_deleted(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher, reader = site.visitor(), site.visitor()
        await make_course(site.units, teacher=await site.register(teacher, "olga", Role.TEACHER))

        async def order() -> list[str]:
            page = await reader.get("/courses/bread")
            return re.findall(r'href="/courses/bread/(\w+)"><span>', page.text)

        assert await order() == ["flour", "water", "fire"]
        assert (await teacher.post("/courses/bread/fire/move", form={"direction": "up"})).status_code == 303
        assert await order() == ["flour", "fire", "water"]
        assert (await teacher.post("/courses/bread/flour/move", form={"direction": "up"})).status_code == 303
        assert await order() == ["flour", "fire", "water"], "the first one stays where it is"
        await teacher.submit(await teacher.get("/courses/bread/fire/edit"), "lesson-form", title="Ember", slug="ember")
        assert await order() == ["flour", "ember", "water"]
        asked = await teacher.get("/courses/bread/flour/delete")
        assert await order() == ["flour", "ember", "water"], "asking deletes nothing"
        await teacher.submit(asked, "delete-lesson")
        assert await order() == ["ember", "water"]

    on_site(scenario)


def test_a_changed_lesson_is_seen_at_once_with_its_links(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher, reader = site.visitor(), site.visitor()
        await make_course(site.units, teacher=await site.register(teacher, "olga", Role.TEACHER))
        assert 'href="/courses/bread/fire"' in (await reader.get("/courses/bread/water")).text
        await teacher.post("/courses/bread/fire/edit", form={"title": "Fire", "text": "Hot.", "slug": "embers"})
        page = (await reader.get("/courses/bread/water")).text
        assert "gap-link" in page, "a link to what is not there any more is marked, not kept from a cache"

    on_sqlite(scenario)


def test_a_copy_is_a_draft_of_ones_own(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        other, reader = site.visitor(), site.visitor()
        await make_course(site.units)
        await site.register(other, "pavel", Role.TEACHER)
        page = await other.submit(await other.get("/courses/bread"), "copy-course")
        assert page.path == "/courses/bread-2/edit"
        assert "Bread (copy)" in page.text
        assert (await reader.get("/courses/bread-2")).status_code == 404
        assert "All about" in (await other.get("/courses/bread-2/water")).text
        assert 'href="/courses/bread-2/fire"' in (await other.get("/courses/bread-2/water")).text

    on_site(scenario)


def test_a_deleted_course_is_gone_with_everybodys_progress(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher, anna = site.visitor(), site.visitor()
        await make_course(site.units, teacher=await site.register(teacher, "olga", Role.TEACHER))
        await site.register(anna, "anna")
        await anna.submit(await anna.get("/courses/bread"), "enrol")
        await anna.submit(await anna.get("/courses/bread/water"), "mark-done")
        assert "Bread" in (await anna.get("/profile")).text
        await teacher.submit(await teacher.get("/courses/bread/delete"), "delete-course")
        assert (await anna.get("/courses/bread")).status_code == 404
        assert "Bread" not in (await anna.get("/profile")).text

    on_site(scenario)


def test_a_second_teacher_is_appointed_and_dismissed(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        owner, other, member = (site.visitor() for _ in range(3))
        await make_course(site.units, teacher=await site.register(owner, "olga", Role.TEACHER))
        other_id = await site.register(other, "pavel", Role.TEACHER)
        await site.register(member, "anna")
        for name in ("anna", "nobody"):
            answer = await owner.post("/courses/bread/teachers", form={"account_name": name})
            assert answer.status_code == 422
            assert "No teacher of this community" in answer.text
        await owner.submit(await owner.get("/courses/bread/edit"), "teacher-form", account_name="pavel")
        assert (await other.get("/courses/bread/edit")).status_code == 200
        await owner.submit(await owner.get("/courses/bread/edit"), f"dismiss-{other_id}")
        assert (await other.get("/courses/bread/edit")).status_code == 403

    on_sqlite(scenario)


EDITING = (
    "/courses/bread/edit",
    "/courses/bread/delete",
    "/courses/bread/lessons/new",
    "/courses/bread/water/edit",
    "/courses/bread/water/delete",
)
ACTIONS = (*EDITING, "/courses/bread/state", "/courses/bread/teachers", "/courses/bread/water/move")


@pytest.mark.parametrize("role", [Role.MEMBER, Role.TEACHER, Role.MODERATOR])
def test_others_may_change_nothing(on_sqlite: RunScenario, role: Role) -> None:
    async def scenario(site: Site) -> None:
        stranger, member = site.visitor(), site.visitor()
        await make_course(site.units)
        await make_course(site.units, slug="secret", state=CourseState.DRAFT, course_id=12)
        await site.register(member, "anna", role)
        form = {"title": "Mine", "language": "en", "state": "draft", "direction": "up", "account_name": "anna"}
        for path in EDITING:
            assert (await stranger.get(path)).headers["location"].startswith("/login?next=")
            assert (await member.get(path)).status_code == 403
        for path in ACTIONS:
            assert (await stranger.post(path, form=form)).status_code == 401
            assert (await member.post(path, form=form)).status_code == 403
            assert (await member.post(path.replace("bread", "secret"), form=form)).status_code == 404
        if role is not Role.TEACHER:
            assert (await member.get("/courses/new")).status_code == 403
            assert (await member.post("/courses/new", form=form)).status_code == 403
            assert (await member.post("/courses/bread/copy", form={})).status_code == 403
        assert "All about" in (await stranger.get("/courses/bread/water")).text

    on_sqlite(scenario)


def test_a_title_that_is_a_pages_own_word_gets_another_address(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher = site.visitor()
        await site.register(teacher, "olga", Role.TEACHER)
        page = await teacher.submit(await teacher.get("/courses/new"), "course-form", title="New", language="en")
        assert page.path == "/courses/new-2/edit"
        for slug in ("new", "edit", "files", "a b", "-", "a_b", "a/b"):
            answer = await teacher.post("/courses/new", form={"title": "Old", "language": "en", "slug": slug})
            assert answer.status_code == 422, slug
        for slug in ("lessons", "bread\n"):
            answer = await teacher.post("/api/courses", json={"title": "Old", "language": "en", "slug": slug})
            assert answer.status_code == 422, slug

    on_sqlite(scenario)
