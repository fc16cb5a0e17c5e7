"""The sample content is whole: its code runs, its links lead somewhere, its people exist."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from campus.importing import ImportedCourse, ImportedLesson
from campus.markdown import Links, Trust, render
from campus.sample import SampleContent, SampleRole, sample_content
from veche.identity.account_names import parse_account_name

EXAMPLE = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```$)?", re.MULTILINE | re.DOTALL)
CONTENT = sample_content()
LESSONS = [(one.course, lesson) for one in CONTENT.courses for lesson in one.course.lessons]


@pytest.fixture
def content() -> SampleContent:
    return CONTENT


def rendered(course: ImportedCourse, lesson: ImportedLesson) -> str:
    links = Links(
        key=f"sample {course.name}",
        lesson={one.source: f"/{one.source}" for one in course.lessons}.get,
        asset={one.path: f"/{one.path}" for one in course.assets}.get,
    )
    return str(render(lesson.text, trust=Trust.TEACHER, links=links, language=course.language).html)


def test_both_languages_have_the_same_course(content: SampleContent) -> None:
    english, russian = (one.course for one in content.courses)
    assert (english.language, russian.language) == ("en", "ru")
    assert [len(one.lessons) for one in (english, russian)] == [7, 7]
    for course in (english, russian):
        assert course.gaps == ()
        assert [asset.media_type for asset in course.assets] == ["image/svg+xml"] * 4
        assert len({lesson.part for lesson in course.lessons}) == 2
        assert course.description


def test_the_examples_of_both_languages_do_the_same(content: SampleContent) -> None:
    def calls(course: ImportedCourse) -> list[list[str]]:
        codes = (match["code"] for lesson in course.lessons for match in EXAMPLE.finditer(lesson.text))
        return [re.findall(r"[\w.]+\(", re.sub(r"\"[^\"]*\"\.encode\(\)|b?\"[^\"]*\"", "", code)) for code in codes]

    english, russian = (one.course for one in content.courses)
    assert calls(english) == calls(russian)


@pytest.mark.parametrize(("course", "lesson"), LESSONS, ids=lambda one: getattr(one, "source", None) or one.name)
def test_a_lesson_teaches_and_asks(course: ImportedCourse, lesson: ImportedLesson) -> None:
    prose = re.sub(r"^```.*?^```", "", lesson.text, flags=re.MULTILINE | re.DOTALL)
    assert 300 <= len(prose.split()) <= 750
    html = rendered(course, lesson)
    assert html.count('<div class="callout challenge">') == 1
    assert html.count('<details class="callout solution">') == 1
    assert 'class="gap' not in html
    assert ":::" not in html
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert EXAMPLE.search(lesson.text)


@pytest.mark.parametrize(("course", "lesson"), LESSONS, ids=lambda one: getattr(one, "source", None) or one.name)
def test_an_example_prints_what_stands_below_it(course: ImportedCourse, lesson: ImportedLesson) -> None:
    for example in EXAMPLE.finditer(lesson.text):
        result = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", example["code"]],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")
        assert example["output"] in {None, result.stdout}


def test_a_picture_is_drawn_for_light_and_dark_and_named(content: SampleContent) -> None:
    for one in content.courses:
        for asset in one.course.assets:
            svg = ElementTree.fromstring(asset.content())
            assert svg.get("role") == "img"
            assert svg.findtext("{*}title")
            assert svg.findtext("{*}desc")
            assert b"prefers-color-scheme: dark" in asset.content()
            assert b"<script" not in asset.content()


def test_people_could_register_with_their_names(content: SampleContent) -> None:
    assert len({parse_account_name(person.account_name).skeleton for person in content.people}) == len(content.people)
    assert {person.language for person in content.people} == {"en", "ru"}
    assert {SampleRole.TEACHER, SampleRole.MODERATOR} <= {person.role for person in content.people}
    assert any(re.search("[а-я]", person.account_name) for person in content.people)


def test_courses_have_teachers_and_students(content: SampleContent) -> None:
    roles = {person.account_name: person.role for person in content.people}
    for one in content.courses:
        assert roles[one.teacher] is SampleRole.TEACHER
        assert set(one.students) <= set(roles)
        assert max(one.students.values()) <= len(one.course.lessons)


def test_threads_belong_to_what_exists(content: SampleContent) -> None:
    names = {person.account_name for person in content.people}
    languages = {category.slug: category.language for category in content.categories}
    lessons = {(one.course.name, lesson.source) for one in content.courses for lesson in one.course.lessons}
    assert len(languages) == len(content.categories) == 6
    for thread in content.threads:
        assert languages[thread.category] == thread.language
        assert (thread.course, thread.lesson) in lessons | {("", "")}
        assert {message.author for message in thread.messages} <= names
    assert sum(thread.language == "en" for thread in content.threads) >= 10
    assert sum(thread.language == "ru" for thread in content.threads) >= 8
    assert sum(bool(thread.lesson) for thread in content.threads) >= 10


def test_messages_follow_each_other_in_time(content: SampleContent) -> None:
    for thread in content.threads:
        ages = [message.age_minutes for message in thread.messages]
        assert 3 <= len(ages) <= 12
        assert ages == sorted(ages, reverse=True)
        assert len(set(ages)) == len(ages)
    newest = [thread.messages[-1].age_minutes for thread in content.threads]
    assert newest == sorted(newest, reverse=True)


def test_messages_are_what_members_may_write(content: SampleContent) -> None:
    for thread in content.threads:
        for message in thread.messages:
            html = str(render(message.text, trust=Trust.MEMBER).html)
            assert message.text
            assert "&lt;" not in re.sub(r"<pre.*?</pre>|<code>.*?</code>", "", html, flags=re.DOTALL)
            assert not re.search(r"^@\w", message.text, re.MULTILINE), "a message's head was not understood"
