"""What goes wrong with a request, as a problem document (RFC 9457).

One job: errors of forms, operations and the database → HTTPException with the status that fits.
Must not know: which resource it is about.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import msgspec

from veche.changes import FieldError, Sentences, sentence
from veche.data import (
    ConstraintViolated,
    DatabaseUnavailable,
    NotFound,
    StatementTimedOut,
    TransactionConflict,
    UnitExpired,
    ValueRefused,
)
from veche.resources.resource import Conflict, NotAllowed
from veche.web import HTTPException


class FieldProblem(msgspec.Struct):
    """One thing wrong with one field: a code for programs, a sentence for people."""

    field: str
    code: str
    detail: str
    parameters: dict[str, str | int | float] = {}


class Problem(msgspec.Struct):
    """What went wrong."""

    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = []
    error_id: str = ""


def refused(status_code: int, detail: str, errors: Iterable[FieldError], sentences: Sentences) -> HTTPException:
    """Return the exception that tells every one of these errors."""
    problems = [FieldProblem(one.field, one.code, sentence(one, sentences), dict(one.parameters)) for one in errors]
    return HTTPException(status_code, detail, members={"errors": problems})


@asynccontextmanager
async def translated(constraints: Mapping[str, tuple[str, str]], sentences: Sentences) -> AsyncIterator[None]:
    """Turn what operations raise inside the block into the answer that it means."""
    try:
        yield
    except NotFound as error:
        raise HTTPException(404, "There is no such thing, or it is not shown to you.") from error
    except NotAllowed as error:
        raise HTTPException(403, str(error)) from error
    except Conflict as error:
        raise HTTPException(409, str(error)) from error
    except ConstraintViolated as error:
        field, code = constraints.get(error.name, ("", "invalid"))
        told = [FieldError(field, code)]
        raise refused(409, "This conflicts with what is there already.", told, sentences) from error
    except ValueRefused as error:
        raise refused(422, "A value cannot be stored.", [FieldError("", "invalid")], sentences) from error
    except DatabaseUnavailable as error:
        again = {"retry-after": str(error.retry_after_seconds)}
        raise HTTPException(503, "The database cannot serve now. Try again soon.", headers=again) from error
    except (StatementTimedOut, TransactionConflict, UnitExpired) as error:
        raise HTTPException(503, "This took too long. Try again soon.", headers={"retry-after": "1"}) from error
