"""`Body[T]`: a JSON body as a typed value.

One job: decode and check one JSON document.
Must not know: forms (veche.web.forms), where T is declared.
"""

from typing import Any, Generic, TypeVar

import msgspec

from veche.web.errors import HTTPException
from veche.web.requests import Request

T = TypeVar("T")


class Body(Generic[T]):
    """A handler's parameter `body: Body[NewCourse]`; `body.value` is the NewCourse."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    @classmethod
    async def from_request(cls, request: Request, argument: Any, /) -> "Body[T]":
        """Return the decoded body. Raises HTTPException: 415 no JSON type, 400 no JSON, 422 not what was expected."""
        media_type = request.media_type
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise HTTPException(415, "The body must be application/json.", headers={"accept": "application/json"})
        try:
            return cls(msgspec.json.decode(await request.body(), type=argument))
        except msgspec.ValidationError as error:
            raise HTTPException(422, f"The JSON document is not what was expected: {error}.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HTTPException(400, f"The body is not JSON: {error}.") from error
