"""What somebody who learns meets: catalogue, course, lesson, enrolment, progress."""

import asyncio

from campus.courses.model import CourseState
from campus.model import Role
from fixtures.campus_site import Site
from fixtures.course_site import RunScenario, make_course


def test_strangers_read_published_courses_and_meet_no_draft(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        await make_course(site.units, slug="secret", state=CourseState.DRAFT, course_id=12)
        stranger = site.visitor()
        catalogue = await stranger.get("/courses")
        assert "Bread" in catalogue.text
        assert "/courses/secret" not in catalogue.text
        course = await stranger.get("/courses/bread")
        assert all(f'href="/courses/bread/{slug}"' in course.text for slug in ("flour", "water", "fire"))
        lesson = await stranger.get("/courses/bread/water")
        assert "<em>water</em>" in lesson.text
        assert 'href="/courses/bread/fire"' in lesson.text
        assert 'rel="prev" href="/courses/bread/flour"' in lesson.text
        assert 'rel="next" href="/courses/bread/fire"' in lesson.text
        assert (await stranger.get("/courses/secret")).status_code == 404
        assert (await stranger.get("/courses/secret/flour")).status_code == 404
        assert (await stranger.get("/courses/bread/butter")).status_code == 404
        assert (await stranger.get("/courses?language=ru")).text.count("course-card") == 0

    on_site(scenario)


def test_leaving_keeps_the_progress_and_enrolling_again_brings_it_back(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        anna = site.visitor()
        await site.register(anna, "anna")
        page = await anna.submit(await anna.get("/courses/bread"), "enrol")
        assert "0 of 3 lessons done" in page.text
        lesson = await anna.submit(await anna.get("/courses/bread/water"), "mark-done")
        assert "1 of 3 lessons done" in lesson.text
        assert "1 of 3 lessons done" in (await anna.get("/courses")).text
        page = await anna.submit(await anna.get("/courses/bread"), "leave-course")
        assert "1 lesson that you had done is kept" in page.text
        assert "lessons done" not in (await anna.get("/courses")).text
        page = await anna.submit(page, "enrol")
        assert "1 of 3 lessons done" in page.text
        lesson = await anna.submit(await anna.get("/courses/bread/water"), "mark-done")
        assert "0 of 3 lessons done" in lesson.text

    on_site(scenario)


def test_only_those_who_take_part_mark_lessons(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        await make_course(site.units, slug="secret", state=CourseState.DRAFT, course_id=12)
        stranger, anna = site.visitor(), site.visitor()
        await site.register(anna, "anna")
        for path in ("/courses/bread/enrol", "/courses/bread/leave", "/courses/bread/water/done"):
            assert (await stranger.post(path, form={})).status_code == 401
        assert (await anna.post("/courses/bread/water/done", form={"done": "on"})).status_code == 409
        assert (await anna.post("/courses/secret/enrol", form={})).status_code == 404
        assert (await anna.post("/courses/bread/leave", form={})).status_code == 303, "leaving twice is no mistake"

    on_sqlite(scenario)


def test_a_draft_is_there_for_its_teachers_and_for_administrators(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        own, other, administrator, former = (site.visitor() for _ in range(4))
        teacher = await site.register(own, "olga", Role.TEACHER)
        await site.register(other, "pavel", Role.TEACHER)
        await site.register(administrator, "admin", Role.ADMINISTRATOR)
        was_teacher = await site.register(former, "former")
        await make_course(site.units, state=CourseState.DRAFT, teacher=teacher)
        await make_course(site.units, slug="old", state=CourseState.DRAFT, teacher=was_teacher, course_id=12)
        assert (await own.get("/courses/bread")).status_code == 200
        assert (await administrator.get("/courses/bread")).status_code == 200
        assert (await other.get("/courses/bread")).status_code == 404
        assert (await former.get("/courses/old")).status_code == 404, "who is no teacher any more lost the right"
        assert "/courses/bread" in (await own.get("/courses")).text
        assert "/courses/bread" not in (await other.get("/courses")).text
        assert "noindex" in (await own.get("/courses/bread")).text

    on_sqlite(scenario)


def test_public_pages_say_what_they_are(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        page = (await site.visitor().get("/courses/bread/water")).text
        assert '<link rel="canonical" href="http://testserver/courses/bread/water">' in page
        assert "<title>Water · Bread · Campus</title>" in page
        assert '<meta name="description" content="All about water.' in page
        assert '<link rel="next" href="/courses/bread/fire">' in page

    on_sqlite(scenario)


def test_a_russian_reader_sees_right_plurals(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        page = (await site.visitor(accept_language="ru").get("/courses")).text
        assert "3 урока" in page

    on_sqlite(scenario)


def test_what_two_tabs_send_at_once_counts_once(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        anna = site.visitor()
        await site.register(anna, "anna")
        answers = await asyncio.gather(*(anna.post("/courses/bread/enrol", form={}) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {303}
        done = {"done": "on"}
        answers = await asyncio.gather(*(anna.post("/courses/bread/water/done", form=done) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {303}
        assert "1 of 3 lessons done" in (await anna.get("/courses/bread")).text

    on_site(scenario)
