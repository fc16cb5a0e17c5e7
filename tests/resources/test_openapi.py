"""The document says what is so."""

import asyncio
import json

import httpx
import msgspec
import pytest

from resources.notes import NOTES, NewNote, NoteChange, Notes, create_api, create_application
from veche.language import Catalogues
from veche.resources import Api, Resource, ResourceError


def get(path: str) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(create_application())
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.get(path)

    return asyncio.run(run())


def test_the_document_is_served_and_names_each_action() -> None:
    answer = get("/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    named = {
        path: sorted(method for method in item if method != "parameters") for path, item in document["paths"].items()
    }
    assert named == {
        "/api/notes": ["get", "post"],
        "/api/notes/{key}": ["delete", "get", "patch"],
        "/api/tags": ["get"],
        "/api/tags/{key}": ["get"],
    }


def test_every_reference_leads_somewhere() -> None:
    document = create_api().document
    for reference in json.dumps(document).split('"$ref": "#/')[1:]:
        place: object = document
        for step in reference.partition('"')[0].split("/"):
            assert isinstance(place, dict), reference
            assert step in place, reference
            place = place[step]


def test_the_types_constraints_stand_in_it() -> None:
    schemas = create_api().document["components"]["schemas"]
    new = schemas["NewNote"]
    assert new["required"] == ["title"]
    assert new["additionalProperties"] is False
    assert {"minLength": 1, "maxLength": 40}.items() <= new["properties"]["title"].items()
    assert {"minimum": 0, "maximum": 5}.items() <= new["properties"]["stars"].items()
    assert "required" not in schemas["NoteChange"] or schemas["NoteChange"]["required"] == []


def test_a_change_needs_a_session_with_csrf_or_a_token_and_a_list_needs_nothing() -> None:
    document = create_api().document
    assert document["paths"]["/api/notes"]["post"]["security"] == [{"token": []}, {"session": [], "csrf": []}]
    assert {} in document["paths"]["/api/notes"]["get"]["security"]
    schemes = document["components"]["securitySchemes"]
    assert schemes["csrf"]["name"] == "X-CSRF-Token"
    assert schemes["session"]["name"] == "session"


def test_people_can_read_it_without_scripts_or_other_sites() -> None:
    page = get("/api")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "PATCH /api/notes/{key}" in page.text
    assert 'id="schema-NewNote"' in page.text
    assert "<script" not in page.text
    assert "//" not in page.text.replace("https://", "//").partition("<main")[0]


def test_two_types_of_one_name_are_refused() -> None:
    class Note(msgspec.Struct):
        other: int

    resource = Resource(
        name="others",
        operations=Notes,
        item=Note,
        create=NewNote,
        change=NoteChange,
        key=int,
        key_field="other",
        description="",
    )
    english = Catalogues([]).translator("en")
    with pytest.raises(ResourceError, match="called Note"):
        Api([NOTES, resource], title="", version="", translator_for=lambda _: english, session_cookie="session")
