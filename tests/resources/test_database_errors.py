"""What the database may say while an operation runs, and what a caller hears of it."""

import asyncio

import pytest

from veche.data import (
    ConstraintKind,
    ConstraintViolated,
    DatabaseUnavailable,
    StatementTimedOut,
    TransactionConflict,
    UnitExpired,
    ValueRefused,
)
from veche.language import Catalogues
from veche.resources.problems import translated
from veche.web import HTTPException


@pytest.mark.parametrize(
    ("error", "status_code", "retry_after"),
    [
        (ConstraintViolated("fk_of_another", ConstraintKind.FOREIGN_KEY, "note"), 409, None),
        (ValueRefused("a NUL"), 422, None),
        (DatabaseUnavailable("gone"), 503, "2"),
        (StatementTimedOut("slow"), 503, "1"),
        (TransactionConflict("twice"), 503, "1"),
        (UnitExpired("late"), 503, "1"),
    ],
)
def test_an_error_of_the_database_is_an_answer(error: Exception, status_code: int, retry_after: str | None) -> None:
    async def fail() -> None:
        async with translated({}, Catalogues([]).translator("en")):
            raise error

    with pytest.raises(HTTPException) as told:
        asyncio.run(fail())
    assert told.value.status_code == status_code
    assert told.value.headers.get("retry-after") == retry_after
    assert told.value.__cause__ is error


def test_a_mistake_of_the_program_stays_one() -> None:
    async def fail() -> None:
        async with translated({}, Catalogues([]).translator("en")):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
