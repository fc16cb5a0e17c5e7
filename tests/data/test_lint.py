"""The rules that let the same tables be spread over many machines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from data.school import METADATA, Course, Lesson, Person
from veche.data import Field, ForeignKey, Index, Model, Unique, field
from veche.data.lint import lint, unscoped


def test_the_tables_of_the_tests_keep_every_rule() -> None:
    assert lint(METADATA, "community_id") == []


def test_each_broken_rule_is_said_with_its_table() -> None:
    metadata = sa.MetaData()

    class Base(Model, abstract=True, metadata=metadata):
        """Base."""

    class Group(Base, table="group_", scope="tenant"):
        community_id: Field[int] = field(primary_key=True)
        id: Field[int] = field(primary_key=True)

    class Machine(Base, table="machine", scope="local"):
        id: Field[int] = field(primary_key=True)

    class Bad(
        Base,
        table="bad",
        scope="tenant",
        constraints=(
            Unique("slug"),
            Index("slug", unique=True),
            ForeignKey(("group_id",), "group_", references=("id",)),
            ForeignKey(("machine_id",), "machine"),
        ),
    ):
        id: Field[int] = field(primary_key=True)
        community_id: Field[int] = field(primary_key=True)
        slug: Field[str]
        group_id: Field[int]
        machine_id: Field[int]

    class Shared(
        Base,
        table="shared",
        scope="reference",
        constraints=(ForeignKey(("community_id", "group_id"), "group_", on_delete="SET NULL"),),
    ):
        id: Field[int] = field(primary_key=True)
        community_id: Field[int]
        group_id: Field[int]

    sa.Table("old", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer, unique=True))
    found = "\n".join(lint(metadata, "community_id"))
    for expected in (
        "bad: its primary key is ['id', 'community_id']",
        "bad: uq_bad_slug does not hold community_id",
        "bad: ix_bad_slug does not hold community_id",
        "bad: fk_bad_group_id does not hold community_id",
        "bad: fk_bad_group_id refers to ['id'] of group_",
        "bad: fk_bad_machine_id refers from a tenant table to a local table",
        "shared: fk_shared_community_id_group_id refers from a reference table to a tenant table",
        "old: its scope is None",
        "old: a PrimaryKeyConstraint has no name",
        "old: a UniqueConstraint has no name",
        "old.id: may become a sequence",
    ):
        assert expected in found, expected


def test_a_name_that_postgresql_would_cut_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(TypeError, match="over 56 octets"):
        ForeignKey(("community_id", "a_very_long_name_of_a_column", "another"), "x").build("a_table_of_long_name")


ANOTHER = Course.__table__.alias("another")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (sa.select(Person), []),
        (sa.select(Course).where(Course.community_id == sa.bindparam("c")), []),
        (sa.select(Course), ["course"]),
        (sa.select(sa.func.count()).select_from(Course), ["course"]),
        (sa.update(Course).values(title="x"), ["course"]),
        (sa.delete(Course).where(Course.id == 2), ["course"]),
        (sa.select(ANOTHER.c.title), ["another"]),
        (
            sa.select(Course.title)
            .join_from(Course, Lesson, Course.id == Lesson.course_id)
            .where(Course.community_id == 1),
            ["lesson"],
        ),
        (
            sa.select(Course.title)
            .join_from(Course, Lesson, Course.community_id == Lesson.community_id)
            .where(Course.community_id == 1),
            [],
        ),
        (sa.select(Course, Lesson).where(Course.community_id == Lesson.community_id), ["course", "lesson"]),
        (sa.select(Person).where(sa.exists().where(Course.teacher_id == Person.id)), ["course"]),
        (sa.insert(Course), []),
        (sa.insert(Course).from_select(["title"], sa.select(Lesson.title)), ["lesson"]),
    ],
)
def test_a_statement_that_crosses_tenants_is_found(sql: sa.sql.base.Executable, expected: list[str]) -> None:
    assert unscoped(sql, "community_id") == expected
