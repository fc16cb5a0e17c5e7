"""The protocol of live pages, message by message, against a real database: who is told what, and when."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.live_board import BOARD, OWN, Board, RoomParams
from veche.live import LiveLimits
from veche.publish import Bus, LocalBus, PollFloor
from veche.web import HTTPConnection, WebSocketDisconnect
from veche.web.testing import Client, ClientWebSocket, HandshakeRefused

ROOM = "board?room=1"
SECRET = "board?room=2"
OWN_OF_ADA = "own?room=1"


@asynccontextmanager
async def board_site(
    folder: Path, *, limits: LiveLimits | None = None, bus: Bus | None = None
) -> AsyncIterator[tuple[Board, Client]]:
    """A started site whose bus reaches this process only, and a client that is nobody."""
    board = Board(f"sqlite:///{folder}/board.sqlite", limits=limits, bus=bus or LocalBus())
    await board.create()
    async with Client(board.app) as client:
        yield board, client


def ada(client: Client) -> Client:
    other = client.another()
    other.cookies["name"] = "ada"
    return other


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(8):
            await scenario()

    asyncio.run(limited())


class Browser:
    """The browser's end of a socket: what came is kept until it is asked for, in whatever order."""

    def __init__(self, socket: ClientWebSocket) -> None:
        self.socket = socket
        self.inbox: list[dict[str, Any]] = []

    async def say_join(self, *shown: tuple[str, str]) -> None:
        await self.socket.send_json({"join": list(shown)})

    async def join(self, *shown: tuple[str, str]) -> dict[str, Any]:
        """Send a join and return its answer."""
        await self.say_join(*shown)
        return await self.next("joined")

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of that type."""
        while True:
            for message in self.inbox:
                if message["type"] == kind:
                    self.inbox.remove(message)
                    return message
            self.inbox.append(await self.socket.receive_json())

    async def hears_nothing(self) -> bool:
        """True when a join of nothing is answered and nothing else has come."""
        await self.join()
        return not self.inbox


@asynccontextmanager
async def browser(client: Client, **options: Any) -> AsyncIterator[Browser]:
    async with client.websocket("/live/socket", **options) as socket:
        yield Browser(socket)


def version_in(html: str, address: str) -> str:
    return html.split(f'data-live="{address}" data-version="')[1].split('"', maxsplit=1)[0]


def test_a_page_carries_id_address_and_version_of_its_parts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            await board.say(1, "ada", "<hello>")
            html = (await client.get("/rooms/1")).text
            assert f'data-live="{ROOM}" data-version="1.' in html
            assert "ada: &lt;hello&gt;" in html
            assert '<span id="live-count-' in html

    run(scenario)


def test_who_joins_with_the_newest_version_is_told_same_and_gets_no_html(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            await board.say(1, "ada", "x")
            html = (await client.get("/rooms/1")).text
            shown = [(one, version_in(html, one)) for one in (ROOM, "count?room=1")]
            renders = board.live.renderer.renders
            async with browser(client) as socket:
                assert await socket.join(*shown) == {"type": "joined", "same": [ROOM, "count?room=1"], "over": []}
                assert await socket.hears_nothing()
            # A durable version was compared without rendering; the one that is a digest had to be rendered.
            assert board.live.renderer.renders == renders + 1

    run(scenario)


def test_what_was_committed_between_the_page_and_its_join_is_not_lost(tmp_path: Path) -> None:
    async def scenario() -> None:  # rails#52420: the gap between rendering and subscribing
        async with board_site(tmp_path) as (board, client):
            html = (await client.get("/rooms/1")).text
            await board.say(1, "ada", "in the gap")
            async with browser(client) as socket:
                await socket.say_join((ROOM, version_in(html, ROOM)))
                assert "in the gap" in (await socket.next("html"))["html"]

    run(scenario)


def test_a_commit_reaches_every_socket_with_the_same_bytes_rendered_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            sockets = [Browser(await client.websocket("/live/socket").__aenter__()) for _ in range(5)]
            for socket in sockets:
                await socket.join((ROOM, ""))
                await socket.next("html")
            renders = board.live.renderer.renders
            await board.say(1, "ada", "hello")
            texts = {await socket.socket.receive_text() for socket in sockets}
            assert len(texts) == 1
            message = json.loads(texts.pop())
            assert (message["type"], message["address"]) == ("html", ROOM)
            assert message["version"].startswith("1.")
            assert board.live.renderer.renders == renders + 1
            for socket in sockets:
                await socket.socket.__aexit__()
            assert len(board.live.feeds) == 0
            assert len(board.live.connections) == 0

    run(scenario)


def test_pages_and_sockets_of_one_audience_share_one_rendering(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, _client):
            await board.say(1, "ada", "x")
            viewer = await board.viewer_named("")
            pages = await asyncio.gather(*(board.live.embed(viewer, BOARD, RoomParams(1)) for _ in range(20)))
            assert len(set(pages)) == 1
            assert board.live.renderer.renders == 1

    run(scenario)


def test_a_shared_part_differs_between_audiences_and_never_between_their_members(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, _client):
            await board.say(1, "ada", "x")
            await board.change_account("boris", role="moderator")
            html = {
                name: await board.live.embed(await board.viewer_named(name), BOARD, RoomParams(1))
                for name in ("ada", "boris")
            }
            assert "hide" in html["boris"]
            assert "hide" not in html["ada"]
            # The versions differ too: a member made moderator must not be told "same".
            assert version_in(html["ada"], ROOM) != version_in(html["boris"], ROOM)

    run(scenario)


def test_a_personal_part_is_seen_by_its_person_only(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            async with browser(ada(client)) as hers, browser(client) as nobodys:
                await hers.join((OWN_OF_ADA, ""))
                assert (await hers.next("html"))["html"] == "ada wrote 0"
                await board.say(1, "ada", "x")
                assert (await hers.next("html"))["html"] == "ada wrote 1"
                await nobodys.say_join((OWN_OF_ADA, ""))
                assert await nobodys.next("gone") == {"type": "gone", "address": OWN_OF_ADA}
            assert 'data-live="own' not in (await client.get("/rooms/1")).text
            assert f'data-live="{OWN_OF_ADA}" data-version=""' in (await ada(client).get("/rooms/1")).text
            assert await board.live.embed(await board.viewer_named(""), OWN, RoomParams(1)) == ""

    run(scenario)


def test_a_slow_reader_may_miss_a_version_and_never_the_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, _client):
            received: list[dict[str, Any]] = []
            with board.live.connections.seat(a_connection()) as seat:
                await seat.join([(ROOM, "")])
                for number in range(50):  # nobody takes messages meanwhile
                    await board.say(1, "ada", f"message {number}")
                await settled(board)
                while not received or "message 49" not in received[-1].get("html", ""):
                    received.append(json.loads(await seat.next_message() or ""))
            # The answer to the join, and one HTML for fifty changes; or two, where one was rendered in the middle.
            assert len(received) <= 3

    run(scenario)


def a_connection() -> HTTPConnection:
    return HTTPConnection({"type": "websocket", "headers": [], "path": "/live/socket"})


def fail_the_test(failure: Exception) -> None:
    raise AssertionError("the floor's question failed") from failure


async def settled(board: Board) -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "address",
    [
        "nothing",
        "board",
        "board?room=x",
        "board?room=1&room=1",
        "board?room=01",
        "board?other=1",
        "board?room=99",
        "x" * 300,
    ],
)
def test_an_address_that_means_nothing_is_gone_and_hurts_nobody(tmp_path: Path, address: str) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (_board, client), browser(client) as socket:
            await socket.say_join((address, ""), (ROOM, ""))
            assert (await socket.next("gone"))["address"] == address
            assert (await socket.next("html"))["address"] == ROOM

    run(scenario)


def test_a_subscription_is_dropped_when_the_right_is_revoked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            async with browser(client) as nobodys:
                await nobodys.say_join((SECRET, ""))
                await nobodys.next("gone")
            async with browser(ada(client)) as hers:
                await hers.join((SECRET, ""))
                assert (await hers.next("html"))["address"] == SECRET, "she may see it: else this proves nothing"
                await board.change_account("ada", suspended=True)
                assert (await hers.next("gone"))["address"] == SECRET
                await board.say(2, "boris", "secret")
                assert await hers.hears_nothing()

    run(scenario)


def test_who_changes_audience_is_shown_what_the_new_one_sees(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            await board.say(1, "boris", "x")
            async with browser(ada(client)) as hers:
                await hers.join((ROOM, ""))
                assert "hide" not in (await hers.next("html"))["html"]
                await board.change_account("ada", role="moderator")
                assert "hide" in (await hers.next("html"))["html"]

    run(scenario)


def test_a_change_of_a_guard_asks_everybody_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client), browser(client) as socket:
            await socket.join((ROOM, ""))
            await socket.next("html")
            await board.close_room(1)
            assert (await socket.next("gone"))["address"] == ROOM

    run(scenario)


def test_leaving_a_part_out_of_the_join_leaves_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client), browser(client) as socket:
            await socket.join((ROOM, ""), ("count?room=1", ""))
            assert len(board.live.feeds) == 2
            await socket.join(("count?room=1", ""))
            assert len(board.live.feeds) == 1

    run(scenario)


def test_a_publish_that_was_lost_heals_with_the_next_heartbeat(tmp_path: Path) -> None:
    async def scenario() -> None:
        limits = LiveLimits(live_fresh_seconds=0)  # as if the last look were long ago
        async with board_site(tmp_path, limits=limits) as (board, client), browser(client) as socket:
            await socket.join((ROOM, ""))
            first = await socket.next("html")
            await board.say(1, "ada", "said and not published", publish=False)
            await socket.say_join((ROOM, first["version"]))
            assert "said and not published" in (await socket.next("html"))["html"]

    run(scenario)


def test_one_look_answers_the_heartbeats_of_all_for_a_few_seconds(tmp_path: Path) -> None:
    async def scenario() -> None:
        limits = LiveLimits(live_fresh_seconds=60)
        async with (
            board_site(tmp_path, limits=limits) as (board, client),
            browser(client) as one,
            browser(client) as other,
        ):
            await one.join(("count?room=1", ""))
            version = (await one.next("html"))["version"]
            renders = board.live.renderer.renders
            for socket in (one, other, one, other):
                assert (await socket.join(("count?room=1", version)))["same"] == ["count?room=1"]
            assert board.live.renderer.renders == renders
            await board.say(1, "ada", "a change is told at once all the same")
            for socket in (one, other):
                assert (await socket.next("html"))["html"] == "1"

    run(scenario)


def test_a_publish_that_was_lost_heals_by_the_floor_without_a_word_of_the_browser(tmp_path: Path) -> None:
    async def scenario() -> None:
        board = Board(f"sqlite:///{tmp_path}/board.sqlite", bus=LocalBus())
        board_bus = PollFloor(LocalBus(), board.newest, every_seconds=0.05, on_failure=fail_the_test)
        async with board_site(tmp_path, bus=board_bus) as (site, client), browser(client) as socket:
            await socket.join((ROOM, ""))
            await socket.next("html")
            await site.say(1, "ada", "said and not published", publish=False)
            assert "said and not published" in (await socket.next("html"))["html"]
        await board.database.close()

    run(scenario)


def test_a_database_that_is_away_ends_no_subscription(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client), browser(client) as socket:
            await socket.join(("count?room=1", ""))
            await socket.next("html")
            renew = board.live.renderer.renew
            failures = 2

            async def failing(*arguments: Any) -> Any:
                nonlocal failures
                if failures:
                    failures -= 1
                    raise ConnectionError("away")
                return await renew(*arguments)

            monkeypatch.setattr(board.live.renderer, "renew", failing)
            await board.say(1, "ada", "x")
            assert (await socket.next("html"))["html"] == "1"

    run(scenario)


# Limits: each has a default, and is kept when it is set otherwise.


def test_parts_over_the_limit_stay_still_and_are_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        limits = LiveLimits(live_parts=1)
        async with board_site(tmp_path, limits=limits) as (board, client):
            async with browser(client) as socket:
                assert (await socket.join((ROOM, ""), ("count?room=1", "")))["over"] == ["count?room=1"]
                assert len(board.live.feeds) == 1
            answer = (await client.post("/live/join", json={"join": [(ROOM, ""), ("count?room=1", "")]})).json()
            assert answer[0]["over"] == ["count?room=1"]

    run(scenario)


def test_a_message_over_the_limit_closes_with_1009(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path, limits=LiveLimits(live_message_octets=300)) as (_board, client):
            async with browser(client) as socket:
                await socket.say_join(("x" * 300, ""))
                with pytest.raises(WebSocketDisconnect) as caught:
                    await socket.socket.receive_text()
                assert caught.value.code == 1009
            for path in ("/live/join", "/live/events"):
                assert (await client.post(path, json={"join": [("x" * 300, "")]})).status_code == 413

    run(scenario)


def test_connections_over_the_limit_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path, limits=LiveLimits(live_connections=1)) as (board, client):
            async with browser(client) as socket:
                await socket.join((ROOM, ""))
                with pytest.raises(HandshakeRefused):
                    await client.websocket("/live/socket").__aenter__()
                assert (await client.post("/live/events", json={"join": []})).status_code == 503
                await board.say(1, "ada", "still here")
                await socket.next("html")
            async with browser(client) as socket:
                await socket.join()

    run(scenario)


def test_rendered_parts_are_kept_up_to_the_limit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path, limits=LiveLimits(live_kept_octets=400)) as (board, _client):
            viewer = await board.viewer_named("ada")
            await board.live.embed(viewer, BOARD, RoomParams(1))
            await board.live.embed(viewer, BOARD, RoomParams(2))
            await board.live.embed(viewer, BOARD, RoomParams(2))
            assert board.live.renderer.renders == 2, "the second look at a kept part renders nothing"
            for number in range(10):
                await board.say(1, "ada", f"{number}")
            await board.live.embed(viewer, BOARD, RoomParams(1))
            assert board.live.renderer.kept_octets <= 400

    run(scenario)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"join": 1}', '{"join": [["a"]]}'])
def test_a_message_that_is_no_join_closes_with_1007(tmp_path: Path, text: str) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (_board, client), browser(client) as socket:
            await socket.socket.send_text(text)
            with pytest.raises(WebSocketDisconnect) as caught:
                await socket.socket.receive_text()
            assert caught.value.code == 1007

    run(scenario)


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        ("http://testserver", True),
        ("http://evil.example", False),
        ("null", False),
        ("http://testserver.evil.example", False),
    ],
)
def test_only_our_own_pages_may_open_a_socket(tmp_path: Path, origin: str, accepted: bool) -> None:  # RFC 6455 §10.2
    async def scenario() -> None:
        async with board_site(tmp_path) as (_board, client):
            socket = client.websocket("/live/socket", headers={"origin": origin})
            if accepted:
                async with socket:
                    await socket.send_json({"join": []})
                    assert (await socket.receive_json())["type"] == "joined"
            else:
                with pytest.raises(HandshakeRefused):
                    await socket.__aenter__()

    run(scenario)


# The other two ways.


async def events_of(stream: Any) -> AsyncIterator[dict[str, Any]]:
    rest = b""
    async for piece in stream:
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            if event.startswith(b"data: "):
                yield json.loads(event[6:])


def test_a_stream_says_the_same_as_a_socket(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            body = json.dumps({"join": [(ROOM, "")]}).encode()
            headers = {"content-type": "application/json"}
            async with client.stream("POST", "/live/events", headers=headers, content=body) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                events = events_of(stream)
                assert [(await anext(events))["type"] for _ in range(2)] == ["joined", "html"]
                await board.say(1, "ada", "streamed")
                assert "streamed" in (await anext(events))["html"]
            await settled(board)
            assert len(board.live.connections) == 0

    run(scenario)


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n", "\n\n", "\r\r"])
def test_cve_2026_43968_cowlib_what_a_member_says_begins_no_event(tmp_path: Path, line_end: str) -> None:
    said = f"hello{line_end}event: forged{line_end}data: forged"

    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client):
            body = json.dumps({"join": [(ROOM, "")]}).encode()
            headers = {"content-type": "application/json"}
            async with client.stream("POST", "/live/events", headers=headers, content=body) as stream:
                await board.say(1, "ada", said)
                octets = b""
                async for piece in stream:
                    octets += piece
                    if b"forged" in octets and octets.endswith(b"\n\n"):
                        break
            lines = re.split(rb"\r\n|\r|\n", octets)  # as a browser reads them: HTML Standard §9.2.6
            assert all(line.startswith(b"data: {") for line in lines if line)
            assert said in json.loads(next(line for line in lines if b"forged" in line)[6:])["html"]

    run(scenario)


def test_a_stream_looks_again_by_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path, limits=LiveLimits(live_beat_seconds=0.05, live_fresh_seconds=0)) as (
            board,
            client,
        ):
            body = json.dumps({"join": [(ROOM, "")]}).encode()
            headers = {"content-type": "application/json"}
            async with client.stream("POST", "/live/events", headers=headers, content=body) as stream:
                events = events_of(stream)
                await anext(events)
                await board.say(1, "ada", "said and not published", publish=False)
                async for event in events:
                    if "said and not published" in event.get("html", ""):
                        break

    run(scenario)


def test_a_single_join_answers_with_all_that_is_not_as_the_page_shows_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (_board, client):
            html = (await client.get("/rooms/1")).text
            shown = [(ROOM, version_in(html, ROOM)), ("count?room=1", "old"), (OWN_OF_ADA, "")]
            answer = (await client.post("/live/join", json={"join": shown})).json()
            assert answer[0] == {"type": "joined", "same": [ROOM], "over": []}
            assert [(one["type"], one["address"]) for one in answer[1:]] == [
                ("html", "count?room=1"),
                ("gone", OWN_OF_ADA),
            ]

    run(scenario)


def test_the_end_of_the_site_ends_its_sockets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board_site(tmp_path) as (board, client), browser(client) as socket:
            await socket.join((ROOM, ""))
            await socket.next("html")
            board.live.connections.close()
            with pytest.raises(WebSocketDisconnect) as caught:
                await socket.socket.receive_text()
            assert caught.value.code == 1001

    run(scenario)
