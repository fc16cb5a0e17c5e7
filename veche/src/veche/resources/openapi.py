"""The OpenAPI 3.1 document of some resources, from their types.

One job: resources → a document that says all that a caller must know, and nothing that is not so.
Must not know: requests, how the handlers work.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import inspect

from veche.changes import FieldPlan, plan_of
from veche.resources.problems import FieldProblem, Problem
from veche.resources.resource import Action, Resource
from veche.resources.window import window_type

Json: TypeAlias = dict[str, Any]  # a JSON object: its values are whatever OpenAPI 3.1 says
AnyResource: TypeAlias = Resource[Any, Any, Any, Any]

LARGEST_KEY: Final = 10**18 - 1  # the router reads at most 18 digits
# veche.changes refuses control characters in every text; the regular expression says the same to callers.
STORABLE_TEXT: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
PROBLEM: Final = "application/problem+json"
PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "Say who you are.",
    403: "You may not do this.",
    404: "There is no such thing, or it is not shown to you.",
    409: "This conflicts with what is there already.",
    412: "It has changed since you read it.",
    413: "The body is too large.",
    415: "The body must be JSON.",
    422: "Every error of the body or the query, in `errors`.",
    503: "The database cannot serve now; `Retry-After` says when to try again.",
}


def openapi_document(
    resources: Sequence[AnyResource], *, title: str, version: str, session_cookie: str, csrf_header: str
) -> Json:
    """Return the document as JSON objects. Two structs of one name would overwrite each other: they must differ."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": {path: operations for one in resources for path, operations in _paths(one).items()},
        "components": {
            "schemas": _schemas(resources),
            "responses": {f"Problem{status}": _problem_answer(text) for status, text in PROBLEMS.items()},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A personal token of an account."},
                "session": {"type": "apiKey", "in": "cookie", "name": session_cookie},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": csrf_header,
                    "description": "Beside a session, where the client sends neither Sec-Fetch-Site nor Origin.",
                },
            },
        },
        "tags": [{"name": one.name, "description": one.description} for one in resources],
    }


def _paths(resource: AnyResource) -> dict[str, Json]:
    item_path = f"{resource.path}/{{key}}"
    described = {
        Action.LIST: (resource.path, "get", _list(resource)),
        Action.CREATE: (resource.path, "post", _create(resource)),
        Action.READ: (item_path, "get", _read(resource)),
        Action.CHANGE: (item_path, "patch", _change(resource)),
        Action.DELETE: (item_path, "delete", _delete(resource)),
    }
    paths: dict[str, Json] = {}
    for action, (path, method, operation) in described.items():
        if action in resource.actions:
            unsafe = action not in (Action.LIST, Action.READ)
            signed_in: list[Json] = [{"token": []}, {"session": [], "csrf": []} if unsafe else {"session": []}]
            operation |= {
                "tags": [resource.name],
                "operationId": _operation_id(resource, action),
                "security": signed_in if unsafe else [{}, *signed_in],
            }
            paths.setdefault(path, {})[method] = operation
    if item_path in paths:
        paths[item_path]["parameters"] = [_key(resource)]
    return paths


def _list(resource: AnyResource) -> Json:
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": _reference(resource.item)},
            "next": {"type": ["string", "null"], "description": "The address of what follows, null at the end."},
        },
    }
    link = {"Link": {"schema": {"type": "string"}, "description": 'The same as `next`, with rel="next" (RFC 8288).'}}
    return {
        "summary": f"List {resource.name}, a part at a time",
        "parameters": _query(resource),
        "responses": {"200": _json("A part of the list.", page, link), **_problems(401, 403, 422, 503)},
    }


def _create(resource: AnyResource) -> Json:
    location = {"Location": {"schema": {"type": "string"}, "description": "The address of the new thing."}}
    created = _json("It was created.", _reference(resource.item), {**_etag(), **location})
    following = resource.actions - {Action.LIST, Action.CREATE}
    created["links"] = {action.value: _link(resource, action) for action in Action if action in following}
    return {
        "summary": f"Create one of {resource.name}",
        "requestBody": _body(resource.create),
        "responses": {"201": created, **_problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
    }


def _link(resource: AnyResource, action: Action) -> Json:
    """Say which operation takes the key of what was just created."""
    key = f"$response.body#/{resource.key_field}"
    return {"operationId": _operation_id(resource, action), "parameters": {"key": key}}


def _operation_id(resource: AnyResource, action: Action) -> str:
    return f"{action.value}_{resource.name}"


def _read(resource: AnyResource) -> Json:
    return {
        "summary": f"Read one of {resource.name}",
        "responses": {
            "200": _json("Here it is.", _reference(resource.item), _etag()),
            "304": {"description": "It is still what If-None-Match names."},
            **_problems(401, 403, 404, 412, 503),
        },
    }


def _change(resource: AnyResource) -> Json:
    return {
        "summary": f"Change some fields of one of {resource.name}",
        "description": "Fields that are left out stay. If-Match refuses to change what has changed since.",
        "requestBody": _body(resource.change),
        "responses": {
            "200": _json("It was changed.", _reference(resource.item), _etag()),
            **_problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
        },
    }


def _delete(resource: AnyResource) -> Json:
    return {
        "summary": f"Delete one of {resource.name}",
        "responses": {"204": {"description": "It is gone."}, **_problems(401, 403, 404, 409, 412, 503)},
    }


def _key(resource: AnyResource) -> Json:
    number: Json = {"type": "integer", "minimum": 0, "maximum": LARGEST_KEY}
    text: Json = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
    return {"name": "key", "in": "path", "required": True, "schema": number if resource.key is int else text}


def _query(resource: AnyResource) -> list[Json]:
    types = [window_type(resource.key), *([resource.filters] if resource.filters else [])]
    parameters: list[Json] = []
    for one in types:
        _out, components = msgspec.json.schema_components([one], ref_template="#/components/schemas/{name}")
        properties = components[one.__name__]["properties"]
        parameters += [_query_field(plan, properties[plan.name]) for plan in plan_of(one)]
    return parameters


def _query_field(plan: FieldPlan, schema: Json) -> Json:
    # null cannot be sent in a query: what may be None is simply left out.
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        schema = choices[0]
    schema = {name: value for name, value in schema.items() if name != "default" or value is not None}
    if isinstance(plan.kind, inspect.StrType):
        schema = {"minLength": 1, "pattern": STORABLE_TEXT, **schema}
    return {"name": plan.name, "in": "query", "required": plan.required, "schema": schema}


def _schemas(resources: Iterable[AnyResource]) -> dict[str, Json]:
    bodies = [body for one in resources for body in (one.create, one.change)]
    items = [one.item for one in resources]
    _out, closed = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    _out, answered = msgspec.json.schema_components(
        [*items, Problem, FieldProblem], ref_template="#/components/schemas/{name}"
    )
    return {**answered, **{name: _as_taken(schema) for name, schema in closed.items()}}


def _as_taken(schema: Json) -> Json:
    """Return the schema of what is sent to us: unknown names are errors, and so are control characters."""
    schema = _storable(schema)
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


def _storable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_storable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _storable(value) for name, value in schema.items()}
    if inner.get("type") == "string" and not inner.keys() & {"pattern", "format", "enum", "const"}:
        inner["pattern"] = STORABLE_TEXT
    if inner.get("type") == "integer":
        inner = {"minimum": -(2**63), "maximum": 2**63 - 1, **inner}
    return inner


def _body(body_type: type[msgspec.Struct]) -> Json:
    return {"required": True, "content": {"application/json": {"schema": _reference(body_type)}}}


def _json(description: str, schema: Json, headers: Json) -> Json:
    return {"description": description, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _problem_answer(description: str) -> Json:
    return {"description": description, "content": {PROBLEM: {"schema": _reference(Problem)}}}


def _problems(*statuses: int) -> Json:
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}


def _etag() -> Json:
    return {"ETag": {"schema": {"type": "string"}, "description": "Send it back in If-Match or If-None-Match."}}


def _reference(struct: type[msgspec.Struct]) -> Json:
    return {"$ref": f"#/components/schemas/{struct.__name__}"}


def pretty(schema: Json) -> str:
    """Return a schema as indented JSON, for people."""
    return json.dumps(schema, ensure_ascii=False, indent=2)
