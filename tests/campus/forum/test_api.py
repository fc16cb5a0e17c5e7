"""Threads and messages over REST: what the document promises, with a session and with a personal token."""

import asyncio
from pathlib import Path
from typing import Any

from campus.accounts.actions import create_token
from campus.accounts.services import open_identity
from campus.forum.actions import create_category
from campus.model import DEFAULT_COMMUNITY_ID, Role
from fixtures.campus_site import CHEAP, Site, running
from veche.identity import Passwords
from veche.web.testing import Client

NEW = {"category": "questions", "title": "Rye", "text": "Which *flour*?"}


async def client_with_token(site: Site, name: str, role: Role = Role.MEMBER) -> Client:
    """Register somebody and return a program that acts for them, without any cookie."""
    account_id = await site.register(site.visitor(), name, role)
    identity = open_identity(Passwords(CHEAP))
    try:
        secret = await create_token(site.units, identity, account_id, "a test")
    finally:
        identity.passwords.close()
    return site.visitor(authorization=f"Bearer {secret}")


def test_a_program_does_all_that_its_owner_may(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions")
            anna = await client_with_token(site, "anna")
            boris = await client_with_token(site, "boris")
            petra = await client_with_token(site, "petra", Role.MODERATOR)
            made = await anna.post("/api/threads", json=NEW)
            assert made.status_code == 201, made.text
            assert made.headers["location"] == "/api/threads/1"
            assert made.json()["title"] == "Rye"

            answer = await boris.post("/api/messages", json={"thread": 1, "text": "Type 1150."})
            assert answer.status_code == 201, answer.text
            message = answer.json()
            assert (message["number"], message["author"]) == (2, "boris")
            address = f"/api/messages/{message['id']}"
            changed = await boris.request("PATCH", address, json={"text": "Type 997."})
            assert changed.json()["text"] == "Type 997."
            assert (await anna.request("PATCH", address, json={"text": "Wheat."})).status_code == 403
            assert (await boris.request("PATCH", address, json={"hidden": True})).status_code == 403
            assert (await petra.request("PATCH", address, json={"hidden": True})).status_code == 200
            assert (await anna.get(address)).json()["text"] == "", "what is hidden is withheld"
            assert (await petra.get(address)).json()["text"] == "Type 997."
            assert (await petra.request("DELETE", address)).status_code == 204
            assert (await anna.get(address)).json()["removed"] is True
            assert (await boris.request("PATCH", address, json={"text": "x"})).status_code == 409

            assert (await anna.request("PATCH", "/api/threads/1", json={"title": "Rye bread"})).status_code == 200
            assert (await anna.request("PATCH", "/api/threads/1", json={"locked": True})).status_code == 403
            assert (await petra.request("PATCH", "/api/threads/1", json={"locked": True})).json()["locked"] is True
            refused = await boris.post("/api/messages", json={"thread": 1, "text": "But"})
            assert refused.status_code == 409
            assert refused.headers["content-type"] == "application/problem+json"
            assert "Rye bread" in (await site.visitor().get("/threads/1")).text, "the pages show the same"
            assert (await anna.request("DELETE", "/api/threads/1")).status_code == 403
            assert (await petra.request("DELETE", "/api/threads/1")).status_code == 204
            assert (await anna.get("/api/threads/1")).status_code == 404

    asyncio.run(scenario())


def test_lists_are_walked_to_their_end(database_url: str, tmp_path: Path) -> None:
    async def walk(client: Client, address: str) -> list[Any]:
        found = []
        while address:
            page = (await client.get(address)).json()
            found += page["items"]
            address = page["next"] or ""
        return found

    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions")
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "kitchen", "Kitchen")
            anna, stranger = await client_with_token(site, "anna"), site.visitor()
            for number in range(1, 6):
                category = "kitchen" if number == 3 else "questions"
                await anna.post("/api/threads", json={**NEW, "category": category, "title": f"Rye {number}"})
            for number in range(2, 8):
                await anna.post("/api/messages", json={"thread": 2, "text": f"{number}"})
            threads = await walk(stranger, "/api/threads?limit=2")
            assert [one["number"] for one in threads] == [1, 2, 3, 4, 5]
            threads = await walk(stranger, "/api/threads?limit=2&category=questions&order=active")
            assert [one["number"] for one in threads] == [2, 5, 4, 1]
            messages = await walk(stranger, "/api/messages?thread=2&limit=3")
            assert [one["number"] for one in messages] == [1, 2, 3, 4, 5, 6, 7]
            assert await walk(stranger, "/api/threads?category=nowhere") == []
            assert (await stranger.get("/api/messages")).status_code == 422, "of which thread?"

    asyncio.run(scenario())


def test_strangers_read_and_a_session_writes_only_from_our_own_pages(sqlite_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(sqlite_url, tmp_path) as site:
            await create_category(site.units, DEFAULT_COMMUNITY_ID, "questions", "Questions")
            stranger, anna = site.visitor(), site.visitor()
            await site.register(anna, "anna")
            assert (await stranger.post("/api/threads", json=NEW)).status_code == 401
            program = Client(stranger.application)
            program.headers = {}  # nothing that a browser adds
            refused = await program.post("/api/threads", json=NEW)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.headers["content-type"] == "application/problem+json"
            assert "personal token" in refused.json()["detail"]
            forged = await anna.post("/api/threads", json=NEW, headers={"sec-fetch-site": "cross-site"})
            assert forged.status_code == 403
            assert (await anna.post("/api/threads", json=NEW)).status_code == 201
            assert (await stranger.get("/api/threads/1")).status_code == 200
            wrong = await anna.post("/api/threads", json={"category": "questions", "title": " ", "text": "", "x": 1})
            assert wrong.status_code == 422
            assert {one["field"] for one in wrong.json()["errors"]} == {"title", "text", "x"}
            assert (await anna.post("/api/threads", json={**NEW, "category": "nowhere"})).status_code == 404

    asyncio.run(scenario())
