"""/api/courses and /api/lessons: the same rights as on the pages, and every error a problem document."""

from campus.courses.model import CourseState
from campus.model import Role
from fixtures.campus_site import Site
from fixtures.course_site import COURSE_ID, RunScenario, make_course


def test_strangers_read_what_is_published_and_change_nothing(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        await make_course(site.units)
        await make_course(site.units, slug="secret", state=CourseState.DRAFT, course_id=12)
        stranger = site.visitor()
        listed = (await stranger.get("/api/courses")).json()
        assert [one["slug"] for one in listed["items"]] == ["bread"]
        assert (await stranger.get(f"/api/courses/{COURSE_ID}")).json()["title"] == "Bread"
        assert (await stranger.get("/api/courses/12")).status_code == 404
        assert (await stranger.get("/api/courses?slug=nothing")).json()["items"] == []
        lessons = (await stranger.get(f"/api/lessons?course={COURSE_ID}&limit=2")).json()
        assert [one["title"] for one in lessons["items"]] == ["Flour", "Water"]
        following = (await stranger.get(lessons["next"].removeprefix("http://testserver"))).json()
        assert [one["title"] for one in following["items"]] == ["Fire"]
        assert (await stranger.get("/api/lessons?course=12")).json()["items"] == []
        assert (await stranger.get("/api/lessons")).status_code == 422
        assert (await stranger.post("/api/courses", json={"title": "Mine", "language": "en"})).status_code == 401
        assert (await stranger.request("DELETE", f"/api/courses/{COURSE_ID}")).status_code == 401

    on_site(scenario)


def test_a_teacher_makes_changes_and_deletes_a_course(on_site: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        teacher, stranger = site.visitor(), site.visitor()
        await site.register(teacher, "olga", Role.TEACHER)
        made = await teacher.post("/api/courses", json={"title": "Тихий час", "language": "ru"})
        assert made.status_code == 201, made.text
        course = made.json()
        assert (course["slug"], course["state"]) == ("тихий-час", "draft")
        path = f"/api/courses/{course['id']}"
        assert (await stranger.get(path)).status_code == 404
        lesson = await teacher.post("/api/lessons", json={"course": course["id"], "title": "Сон", "text": "# Сон"})
        assert lesson.status_code == 201, lesson.text
        changed = await teacher.request("PATCH", path, json={"state": "published", "summary": "Тише."})
        assert changed.json()["state"] == "published"
        assert (await stranger.get(path)).json()["summary"] == "Тише."
        lesson_path = f"/api/lessons/{lesson.json()['id']}"
        changed = await teacher.request("PATCH", lesson_path, json={"text": "Проснулись."})
        assert changed.json()["revision"] == 1
        assert (await stranger.get(lesson_path)).json()["text"] == "Проснулись."
        taken = await teacher.post("/api/courses", json={"title": "Other", "language": "en", "slug": "тихий-час"})
        assert taken.status_code in (409, 422)
        assert taken.json()["errors"][0]["code"] == "taken"
        assert (await teacher.request("DELETE", lesson_path)).status_code == 204
        assert (await teacher.request("DELETE", path)).status_code == 204
        assert (await teacher.get(path)).status_code == 404

    on_site(scenario)


def test_others_may_not_change_a_course(on_sqlite: RunScenario) -> None:
    async def scenario(site: Site) -> None:
        owner, other, member = (site.visitor() for _ in range(3))
        await make_course(site.units, teacher=await site.register(owner, "olga", Role.TEACHER))
        await site.register(other, "pavel", Role.TEACHER)
        await site.register(member, "anna")
        for visitor in (other, member):
            changed = await visitor.request("PATCH", f"/api/courses/{COURSE_ID}", json={"title": "Mine"})
            assert changed.status_code == 403
            added = await visitor.post("/api/lessons", json={"course": COURSE_ID, "title": "Mine"})
            assert added.status_code == 403
        assert (await member.post("/api/courses", json={"title": "Mine", "language": "en"})).status_code == 403
        assert (await owner.request("PATCH", f"/api/courses/{COURSE_ID}", json={"title": "Ours"})).status_code == 200

    on_sqlite(scenario)
