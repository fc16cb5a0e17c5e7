"""The five handlers of one resource.

One job: request → operation → answer, with the status codes and fields of RFC 9110.
Must not know: who may do what, where things are kept.

The kernel fills a handler's arguments by their types, and the type of the operations is known only when the resource
is: it is written into the handler's annotations here.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from veche.changes import cast_json
from veche.http import Verdict, evaluate_preconditions
from veche.language import Translator
from veche.resources.problems import refused, translated
from veche.resources.resource import Action, Change, Create, Item, Key, Resource
from veche.resources.window import read_window
from veche.web import HTTPConnection, HTTPException, JSONResponse, Request, Response, Route

# The answer depends on who asks, so a cache must ask again; the entity tag makes that cheap.
PRIVATE: Final = {"cache-control": "private, no-cache", "vary": "Cookie, Authorization"}
MERGE_PATCH: Final = "application/merge-patch+json"  # RFC 7396; PATCH bodies here are one
Answer = TypeVar("Answer", bound=msgspec.Struct)


class Handlers(Generic[Item, Create, Change, Key]):
    """The handlers of one resource; routes() is what an application takes."""

    def __init__(
        self,
        resource: Resource[Item, Create, Change, Key],
        translator_for: Callable[[HTTPConnection], Translator],
    ) -> None:
        self._resource: Resource[Item, Create, Change, Key] = resource
        self._translator_for = translator_for
        self._constraints = resource.constraints or {}

    def routes(self) -> list[Route]:
        """Return a route for each action that the resource allows."""
        resource = self._resource
        table = (
            (Action.LIST, "GET", resource.path, self._list()),
            (Action.CREATE, "POST", resource.path, self._create()),
            (Action.READ, "GET", resource.item_path, self._read()),
            (Action.CHANGE, "PATCH", resource.item_path, self._change()),
            (Action.DELETE, "DELETE", resource.item_path, self._delete()),
        )
        return [
            Route(path, self._typed(handler), methods=(method,), name=_route_name(resource.name, path))
            for action, method, path, handler in table
            if action in resource.actions
        ]

    def _typed(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        handler.__annotations__["operations"] = self._resource.operations
        if "key" in handler.__annotations__:
            handler.__annotations__["key"] = self._resource.key
        return handler

    def _list(self) -> Callable[..., Any]:
        async def list_things(request: Request, operations: Any) -> Response:
            await self._resource.permit(request, Action.LIST)
            translator = self._translator_for(request)
            asked = read_window(request, self._resource, translator)
            async with translated(self._constraints, translator):
                # One more than asked for tells whether there is a next page.
                found = list(await operations.all(asked.after, asked.limit + 1, **asked.filters))
            following = None
            if len(found) > asked.limit:
                found = found[: asked.limit]
                following = self._address_after(request, self._resource.key_of(found[-1]), asked.limit, asked.filters)
            links = {"link": f'<{following}>; rel="next"'} if following else {}
            return JSONResponse({"items": found, "next": following}, headers={**PRIVATE, **links})

        return list_things

    def _create(self) -> Callable[..., Any]:
        async def create_thing(request: Request, operations: Any) -> Response:
            await self._resource.permit(request, Action.CREATE)
            values = await self._body(request, self._resource.create)
            async with translated(self._constraints, self._translator_for(request)):
                item: Item = await operations.create(values)
            return self._item(item, 201, {"location": self._address(request, self._resource.key_of(item))})

        return create_thing

    def _read(self) -> Callable[..., Any]:
        async def read_thing(request: Request, key: Any, operations: Any) -> Response:
            await self._resource.permit(request, Action.READ)
            item = await self._get(request, key, operations)
            verdict = evaluate_preconditions("GET", request.headers, etag=entity_tag(item))
            if verdict is Verdict.NOT_MODIFIED:
                return Response(status_code=304, headers={**PRIVATE, "etag": entity_tag(item)})
            _refuse_if_failed(verdict)
            return self._item(item)

        return read_thing

    def _change(self) -> Callable[..., Any]:
        async def change_thing(request: Request, key: Any, operations: Any) -> Response:
            await self._resource.permit(request, Action.CHANGE)
            changes = await self._body(request, self._resource.change)
            await self._check_conditions(request, key, operations)
            async with translated(self._constraints, self._translator_for(request)):
                item: Item = await operations.update(key, changes)
            return self._item(item)

        return change_thing

    def _delete(self) -> Callable[..., Any]:
        async def delete_thing(request: Request, key: Any, operations: Any) -> Response:
            await self._resource.permit(request, Action.DELETE)
            await self._check_conditions(request, key, operations)
            async with translated(self._constraints, self._translator_for(request)):
                await operations.delete(key)
            return Response(status_code=204)

        return delete_thing

    async def _get(self, request: Request, key: Key, operations: Any) -> Item:
        async with translated(self._constraints, self._translator_for(request)):
            item: Item = await operations.get(key)
            return item

    async def _check_conditions(self, request: Request, key: Key, operations: Any) -> None:
        # Only when the client asked for it: reading before each change would cost every client a query.
        if "if-match" in request.headers or "if-none-match" in request.headers:
            item = await self._get(request, key, operations)
            _refuse_if_failed(evaluate_preconditions(request.method, request.headers, etag=entity_tag(item)))

    async def _body(self, request: Request, body_type: type[Answer]) -> Answer:
        if request.media_type not in ("application/json", MERGE_PATCH):
            accepted = {"accept-patch" if request.method == "PATCH" else "accept-post": "application/json"}
            raise HTTPException(415, "The body must be application/json.", headers=accepted)
        changes = cast_json(body_type, await request.json())
        if changes.value is None:
            raise refused(422, "The body is wrong.", changes.errors, self._translator_for(request))
        return changes.value

    def _item(self, item: Item, status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse(item, status_code, {**PRIVATE, "etag": entity_tag(item), **(headers or {})})

    def _address(self, request: Request, key: Key) -> str:
        return request.url_for(_route_name(self._resource.name, self._resource.item_path), key=key)

    def _address_after(self, request: Request, after: Key, limit: int, filters: dict[str, object]) -> str:
        chosen = {name: value for name, value in filters.items() if value is not None}
        name = _route_name(self._resource.name, self._resource.path)
        return request.url_for(name, after=after, limit=limit, **chosen)


def entity_tag(item: msgspec.Struct) -> str:
    """Return the strong entity tag of a thing: two things with one tag are sent as the same bytes."""
    return f'"{hashlib.sha256(msgspec.json.encode(item)).hexdigest()[:24]}"'


def _refuse_if_failed(verdict: Verdict) -> None:
    if verdict is Verdict.PRECONDITION_FAILED:
        raise HTTPException(412, "It has changed since you read it. Read it again.")


def _route_name(resource_name: str, path: str) -> str:
    return f"api_{resource_name}" if "{" not in path else f"api_{resource_name}_one"
