"""A class that is a Struct for its instances and a Table for its queries."""

from __future__ import annotations

import copy
import datetime
import enum
import inspect
import pickle
from typing import ClassVar, Literal, NewType

import msgspec
import pytest
import sqlalchemy as sa

from data.school import METADATA, MOMENT, Course, Level, Person, SchoolModel, TenantModel
from veche.data import Field, Model, Ref, Statement, ValueRefused, field, ref
from veche.data.postgres.dialect import POSTGRESQL
from veche.data.sqlite.dialect import SQLITE

PersonId = NewType("PersonId", int)


class Colour(enum.IntEnum):
    RED = 1
    BLUE = 2


def course() -> Course:
    return Course(id=5, title="Базы", slug="db", teacher_id=7, tags=["a"], level=Level.HARD)


class TestInstances:
    def test_are_structs_in_every_way(self) -> None:
        one = course()
        assert copy.copy(one) == one
        assert copy.deepcopy(one) == one
        assert pickle.loads(pickle.dumps(one)) == one
        assert msgspec.json.decode(msgspec.json.encode(one), type=Course) == one
        assert msgspec.convert(msgspec.structs.asdict(one), Course) == one
        assert msgspec.structs.replace(one, title="B").title == "B"
        assert "title='Базы'" in repr(one)
        assert isinstance(one, Model)
        match one:
            case Course(title=title, seats=10):
                assert title == "Базы"
            case _:
                pytest.fail("the pattern does not match")

    def test_have_required_fields_first_so_that_rows_load_by_position(self) -> None:
        assert Course.__struct_fields__[:3] == ("title", "slug", "teacher_id")
        assert [column.name for column in Course.__table__.columns] == list(Course.__struct_fields__)
        assert [column.name for column in Course.__table__.primary_key] == ["community_id", "id"]

    def test_follow_the_rules_of_their_fields_when_they_come_from_json(self) -> None:
        with pytest.raises(msgspec.ValidationError, match="<= 20"):
            msgspec.json.decode(b'{"name": "%s"}' % (b"x" * 21), type=Person)

    def test_that_hold_no_container_are_not_tracked_by_the_collector(self) -> None:
        assert Person.__struct_config__.gc is False
        assert Course.__struct_config__.gc is True


class TestClasses:
    def test_give_columns_that_cannot_be_replaced(self) -> None:
        assert str(Course.title == "x") == "course.title = :title_1"
        assert Course.title is Course.__table__.columns.title
        with pytest.raises(AttributeError, match="is a column"):
            Course.title = "x"  # type: ignore[assignment]  # that is the point

    def test_without_a_table_say_so(self) -> None:
        with pytest.raises(AttributeError, match="TenantModel is abstract and has no table"):
            TenantModel.id  # noqa: B018

    def test_keep_their_own_documentation_and_signature(self) -> None:
        assert Course.__doc__ == "A course."
        assert "title" in inspect.signature(Course).parameters

    def test_stand_wherever_sqlalchemy_takes_a_table(self) -> None:
        sql = sa.select(Course.title, Person.name).join_from(Course, Person, Course.teacher_id == Person.id)
        assert "FROM course JOIN person" in str(sql)
        assert "DELETE FROM course" in str(sa.delete(Course))

    def test_know_their_scope(self) -> None:
        assert Course.__table__.info == {"scope": "tenant"}


class TestColumns:
    def test_of_each_kind(self) -> None:
        metadata = sa.MetaData()

        class Kinds(Model, abstract=True, metadata=metadata):
            """Base."""

        class Everything(Kinds, table="everything", scope="local"):
            LIMIT: ClassVar[int] = 3
            id: Field[PersonId] = field(primary_key=True)
            colour: Field[Colour | None]
            size: Field[Literal["s", "m"]]
            at: Field[datetime.datetime]
            mapping: Field[dict[str, int]]
            score: Field[int] = field(ge=0, le=5)

        table = Everything.__table__
        sql = str(sa.schema.CreateTable(table).compile(dialect=POSTGRESQL))
        assert "id BIGINT NOT NULL" in sql  # never BIGSERIAL
        assert "colour BIGINT," in sql
        assert "CONSTRAINT ck_everything_colour_choice CHECK (colour IN (1, 2))" in sql
        assert "CONSTRAINT ck_everything_size_choice CHECK (size IN ('s', 'm'))" in sql
        assert "at TIMESTAMP WITH TIME ZONE NOT NULL" in sql
        assert "CONSTRAINT ck_everything_score_range CHECK (score >= 0 AND score <= 5)" in sql
        assert "at TEXT NOT NULL" in str(sa.schema.CreateTable(table).compile(dialect=SQLITE))
        assert Everything.LIMIT == 3

    def test_of_a_reference_carry_a_named_foreign_key_and_an_index(self) -> None:
        (key,) = Course.__table__.foreign_key_constraints
        assert key.name == "fk_course_teacher_id"
        assert key.ondelete == "CASCADE"
        assert key.use_alter
        assert "ix_course_teacher_id" in {index.name for index in Course.__table__.indexes}

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (Course.seats == "three", "expected int"),
            (Course.title == 3, "expected str"),
            (Course.seats > True, "expected int"),
            (Course.level == "hard", "is none of"),
            (Course.starts_at > datetime.datetime(2026, 1, 1), "has no time zone"),
            (Course.closed == 1, "expected bool"),
            (Course.title == "a\0b", "NUL"),
            (Course.title == "\ud800", "not valid Unicode"),
            (Course.seats == 2**63, "does not fit into 64 bits"),
        ],
    )
    def test_compared_with_a_value_of_another_type_are_refused_before_anything_is_sent(
        self, condition: sa.ColumnElement[bool], expected: str
    ) -> None:
        for dialect in (SQLITE, POSTGRESQL):
            with pytest.raises(ValueRefused, match=expected):
                Statement(sa.select(Course).where(condition), Course).prepare(dialect)

    def test_take_part_in_arithmetic_with_other_types(self) -> None:
        Statement(sa.select(Course.seats * 1.5, Course.title + "x")).prepare(SQLITE)


class TestMistakesAreLoud:
    def test_a_type_without_a_column(self) -> None:
        with pytest.raises(TypeError, match="has no column type"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[int] = field(primary_key=True)
                thing: Field[object]

    def test_a_name_that_cannot_be_found(self) -> None:
        with pytest.raises(TypeError, match="imported at module level"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[Nowhere]  # type: ignore[name-defined]  # noqa: F821  # that is the point

    def test_a_field_without_field(self) -> None:
        with pytest.raises(TypeError, match=r"expected Field\[\.\.\.\]"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: int = 3

    def test_a_bare_default(self) -> None:
        with pytest.raises(TypeError, match="expected field"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[int] = 3  # type: ignore[assignment]  # that is the point

    def test_a_column_as_a_default(self) -> None:
        with pytest.raises(TypeError, match="column as its default"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[int] = field(default=Course.seats)  # type: ignore[arg-type]  # that is the point

    def test_a_shared_list_as_a_default(self) -> None:
        with pytest.raises(TypeError, match="default_factory"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[int] = field(primary_key=True)
                tags: Field[list[str]] = field(default=[])

    def test_no_primary_key(self) -> None:
        with pytest.raises(TypeError, match="no primary key"):

            class Odd(SchoolModel, table="odd", scope="local"):
                title: Field[str]

    def test_no_scope_or_no_metadata(self) -> None:
        with pytest.raises(TypeError, match="scope="):

            class Odd(SchoolModel, table="odd"):
                id: Field[int] = field(primary_key=True)

        with pytest.raises(TypeError, match="MetaData"):

            class Lonely(Model, table="lonely", scope="local"):
                id: Field[int] = field(primary_key=True)

    def test_a_table_that_extends_a_table(self) -> None:
        with pytest.raises(TypeError, match="which is a table"):

            class Odd(Course, table="odd", scope="local"):
                more: Field[int]

    def test_a_reference_to_something_without_a_table(self) -> None:
        with pytest.raises(TypeError, match="expected a model that has a table"):

            class Odd(SchoolModel, table="odd", scope="local"):
                id: Field[int] = field(primary_key=True)
                other: Ref[TenantModel] = ref()

    def test_nothing_of_them_stays_in_the_metadata(self) -> None:
        assert {"odd", "lonely"}.isdisjoint(METADATA.tables)
        assert MOMENT.tzinfo is not None
