"""Resources over HTTP: list, read, create, change, delete, and everything that may be wrong (RFC 9110, 9457)."""

import asyncio
from typing import Any

import httpx
import pytest

from resources.notes import TOKEN, Notes, create_application
from veche.web import Application

WRITER = {"authorization": f"Bearer {TOKEN}"}


class Caller:
    """One client of one application, without await in the tests."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
                return await client.request(method, path, json=json, **options)

        return asyncio.run(run())


@pytest.fixture
def call() -> Caller:
    return Caller(create_application())


def errors_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return {error["field"]: error["code"] for error in answer.json().get("errors", [])}


def test_a_list_comes_in_parts_that_lead_to_each_other(call: Caller) -> None:
    first = call("GET", "/api/notes?limit=2")
    assert [note["title"] for note in first.json()["items"]] == ["First", "Second"]
    assert first.json()["next"] == "/api/notes?after=2&limit=2"
    assert first.headers["link"] == '</api/notes?after=2&limit=2>; rel="next"'
    second = call("GET", first.json()["next"])
    assert [note["title"] for note in second.json()["items"]] == ["Third"]
    assert second.json()["next"] is None
    assert "link" not in second.headers


def test_a_part_that_ends_with_the_list_has_no_next(call: Caller) -> None:
    assert call("GET", "/api/notes?limit=3").json()["next"] is None


def test_filters_narrow_the_list_and_stay_in_the_next_address(call: Caller) -> None:
    call("PATCH", "/api/notes/2", {"stars": 5}, headers=WRITER)
    assert [note["id"] for note in call("GET", "/api/notes?stars=5").json()["items"]] == [2]
    assert call("GET", "/api/notes?stars=0&limit=1").json()["next"] == "/api/notes?after=1&limit=1&stars=0"


def test_keys_may_be_texts_in_any_script(call: Caller) -> None:
    first = call("GET", "/api/tags?limit=2")
    assert first.json()["next"] == "/api/tags?after=sockets&limit=2"
    assert call("GET", first.json()["next"]).json()["items"] == [{"name": "базы данных", "count": 1}]
    assert call("GET", "/api/tags/базы данных").json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("limit=0", {"limit": "too_small"}),
        ("limit=101&after=-1&stars=6", {"limit": "too_large", "after": "too_small", "stars": "too_large"}),
        ("limit=many", {"limit": "whole_number"}),
        ("limit=", {"limit": "required"}),
        ("limt=5", {"limt": "unknown"}),
    ],
)
def test_a_wrong_query_is_told_whole(call: Caller, query: str, errors: dict[str, str]) -> None:
    answer = call("GET", f"/api/notes?{query}")
    assert answer.status_code == 422
    assert errors_of(answer) == errors


def test_what_is_created_has_an_address(call: Caller) -> None:
    created = call("POST", "/api/notes", {"title": "Четвёртая", "stars": 3}, headers=WRITER)
    assert created.status_code == 201
    assert created.json() == {"id": 4, "title": "Четвёртая", "text": "", "stars": 3, "state": "open"}
    read = call("GET", created.headers["location"])
    assert read.json() == created.json()
    assert read.headers["etag"] == created.headers["etag"]


def test_a_change_leaves_alone_what_it_does_not_name(call: Caller) -> None:
    changed = call("PATCH", "/api/notes/1", {"text": "More"}, headers=WRITER)
    assert (changed.status_code, changed.json()["title"], changed.json()["text"]) == (200, "First", "More")
    assert call("PATCH", "/api/notes/1", {}, headers=WRITER).json() == changed.json()


def test_what_is_deleted_is_gone(call: Caller) -> None:
    deleted = call("DELETE", "/api/notes/1", headers=WRITER)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert call("GET", "/api/notes/1").status_code == 404
    assert call("DELETE", "/api/notes/1", headers=WRITER).status_code == 404


def test_every_error_of_a_body_is_told_in_the_reader_s_language(call: Caller) -> None:
    body = {"title": "", "stars": "5", "colour": "red"}
    answer = call("POST", "/api/notes", body, headers={**WRITER, "accept-language": "ru"})
    assert answer.status_code == 422
    assert errors_of(answer) == {"title": "required", "stars": "whole_number", "colour": "unknown"}
    told = {error["field"]: error["detail"] for error in answer.json()["errors"]}
    assert told["stars"] == "Здесь ожидается целое число."
    long = call("PATCH", "/api/notes/1", {"title": "x" * 41}, headers=WRITER).json()["errors"][0]
    assert long == {
        "field": "title",
        "code": "too_long",
        "detail": "At most 40 characters fit.",
        "parameters": {"max": 40},
    }


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"title": }'])
def test_a_body_that_is_no_json_is_400(call: Caller, body: bytes) -> None:
    answer = call("POST", "/api/notes", content=body, headers={**WRITER, "content-type": "application/json"})
    assert answer.status_code == 400
    errors_of(answer)


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "5"])
def test_json_that_is_no_object_is_422(call: Caller, body: str) -> None:
    answer = call("POST", "/api/notes", content=body, headers={**WRITER, "content-type": "application/json"})
    assert (answer.status_code, errors_of(answer)) == (422, {"": "object"})


def test_another_media_type_is_415_and_says_which_would_do(call: Caller) -> None:
    answer = call("POST", "/api/notes", data={"title": "x"}, headers=WRITER)
    assert (answer.status_code, answer.headers["accept-post"]) == (415, "application/json")
    answer = call("PATCH", "/api/notes/1", content="x", headers=WRITER)
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, "application/json")
    patch = {**WRITER, "content-type": "application/merge-patch+json; charset=utf-8"}
    assert call("PATCH", "/api/notes/1", content='{"stars": 1}', headers=patch).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/notes/99", "/api/notes/first", "/api/notes/-1", "/api/notes/" + "9" * 30, "/api/x"]
)
def test_what_is_not_there_is_404(call: Caller, path: str) -> None:
    answer = call("GET", path)
    assert answer.status_code == 404
    errors_of(answer)


def test_what_the_database_refuses_is_409_with_its_field(call: Caller) -> None:
    answer = call("POST", "/api/notes", {"title": "First"}, headers=WRITER)
    assert (answer.status_code, errors_of(answer)) == (409, {"title": "taken"})


def test_what_the_thing_s_state_forbids_is_409(call: Caller) -> None:
    call("PATCH", "/api/notes/1", {"state": "locked"}, headers=WRITER)
    answer = call("PATCH", "/api/notes/1", {"text": "x"}, headers=WRITER)
    assert (answer.status_code, answer.json()["detail"]) == (409, "This note is locked.")


def test_whoever_may_not_is_told_why() -> None:
    call = Caller(create_application(Notes([f"Note {number}" for number in range(20)])))
    answer = call("PATCH", "/api/notes/13", {"text": "x"}, headers=WRITER)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Only its writer may change this note.")
    anonymous = call("PATCH", "/api/notes/13", {"text": "x"})
    assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")


def test_a_stranger_is_refused_before_anything_is_read(call: Caller) -> None:
    assert call("DELETE", "/api/notes/99").status_code == 401
    assert call("POST", "/api/notes", content=b"{").status_code == 401


def test_an_action_that_the_resource_does_not_allow_is_405(call: Caller) -> None:
    answer = call("POST", "/api/tags", {})
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    errors_of(answer)


def test_a_reader_who_has_it_already_gets_304(call: Caller) -> None:  # RFC 9110 §13.1.2
    tag = call("GET", "/api/notes/1").headers["etag"]
    answer = call("GET", "/api/notes/1", headers={"if-none-match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    call("PATCH", "/api/notes/1", {"stars": 1}, headers=WRITER)
    assert call("GET", "/api/notes/1", headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_what_has_changed_since_is_not_changed_again(call: Caller, method: str) -> None:  # RFC 9110 §13.1.1
    tag = call("GET", "/api/notes/1").headers["etag"]
    call("PATCH", "/api/notes/1", {"stars": 1}, headers=WRITER)
    body = {"stars": 2} if method == "PATCH" else None
    answer = call(method, "/api/notes/1", body, headers={**WRITER, "if-match": tag})
    assert answer.status_code == 412
    assert call("GET", "/api/notes/1").json()["stars"] == 1
    fresh = call("GET", "/api/notes/1").headers["etag"]
    assert call(method, "/api/notes/1", body, headers={**WRITER, "if-match": fresh}).status_code < 300


def test_answers_are_for_whoever_asked(call: Caller) -> None:
    answer = call("GET", "/api/notes/1")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Cookie, Authorization"
