"""Which part of a list was asked for.

One job: query fields → a window of keys, and the filters.
Must not know: how the list is made.
"""

from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import Meta

from veche.changes import FieldError, Sentences, cast
from veche.resources.problems import refused
from veche.resources.resource import Key, Resource
from veche.web import Request

Limit = Annotated[int, Meta(ge=1, le=100, description="How many at most.")]
DEFAULT_LIMIT: Final = 50


class NumberedWindow(msgspec.Struct):
    """A part of a list whose keys are numbers."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1, description="The key behind which this part begins.")] | None = None
    limit: Limit = DEFAULT_LIMIT


class NamedWindow(msgspec.Struct):
    """A part of a list whose keys are texts."""

    after: Annotated[str, Meta(min_length=1, max_length=200, description="The key behind which it begins.")] | None = (
        None
    )
    limit: Limit = DEFAULT_LIMIT


K = TypeVar("K")


class Asked(msgspec.Struct, Generic[K]):
    """What the query asks for: the window, and the filters as keyword arguments."""

    after: K | None
    limit: int
    filters: dict[str, object]


def window_type(key: type[int] | type[str]) -> type[msgspec.Struct]:
    """Return the struct of the two fields that every list takes."""
    return NumberedWindow if key is int else NamedWindow


def read_window(request: Request, resource: Resource[Any, Any, Any, Key], sentences: Sentences) -> Asked[Key]:
    """Return what the query asks for. Raises HTTPException(422) with every error, unknown names among them."""
    window_struct = window_type(resource.key)
    sent = {name: request.query_params.getlist(name) for name in request.query_params}
    types = [window_struct, *([resource.filters] if resource.filters else [])]
    known = {name for one in types for name in one.__struct_fields__}
    errors = [FieldError(name, "unknown") for name in sent if name not in known]
    # A blank field is a form's way to send nothing; a program that sends one has a mistake.
    errors += [FieldError(name, "required") for name, values in sent.items() if "" in values and name in known]
    changes = [cast(one, sent) for one in types]
    errors += [error for one in changes for error in one.errors if error not in errors]
    if errors:
        raise refused(422, "The query is wrong.", errors, sentences)
    window: Any = changes[0].value  # one of the two structs above
    filters: dict[str, object] = {}
    for one in changes[1:]:
        assert one.value is not None, "there was no error"
        filters = msgspec.structs.asdict(one.value)
    return Asked(window.after, window.limit, filters)
