"""WebSockets with clients that others wrote: aiohttp and Chromium (`websockets` is in test_websocket.py)."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fixtures.browser import Browsing
from fixtures.certificates import Authority
from fixtures.serving import serve
from veche.asgi import Receive, Scope, Send
from veche.server.manner import Manner

LONG = "Добрый день, " * 20_000


async def room(scope: Scope, receive: Receive, send: Send) -> None:
    """An empty page, or an echo."""
    if scope["type"] == "http":
        headers = [(b"content-type", b"text/html"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "echo"})
        while (message := await receive())["type"] == "websocket.receive":
            with contextlib.suppress(OSError):
                await send({**message, "type": "websocket.send"})


@pytest.mark.parametrize("compress", [0, 15, 10])
def test_aiohttp_talks_to_us(compress: int) -> None:
    async def talk(url: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=["echo"], compress=compress, max_msg_size=0) as client,
        ):
            assert (client.protocol, bool(client.compress)) == ("echo", bool(compress))
            for text in ("hello", "", LONG):
                await client.send_str(text)
                assert await client.receive_str(timeout=5) == text
            await client.send_bytes(b"\0\xff" * 50_000)
            assert await client.receive_bytes(timeout=5) == b"\0\xff" * 50_000
            assert await client.close(code=4000)
            assert client.close_code == 4000

    with serve(room) as served:
        asyncio.run(talk(served.url))
        assert served.log.entries == []


TALK = """async ([url, messages]) => {
    const socket = new WebSocket(url, ["other", "echo"]);
    await new Promise((opened, failed) => { socket.onopen = opened; socket.onerror = failed; });
    const answers = [];
    for (const message of messages) {
        const answer = new Promise((came) => { socket.onmessage = (event) => came(event.data); });
        socket.send(message);
        answers.push(await answer);
    }
    const ended = new Promise((end) => { socket.onclose = end; });
    socket.close(4001, "пока");
    const end = await ended;
    return [answers, socket.extensions, socket.protocol, end.code, end.reason, end.wasClean];
}"""


@pytest.mark.browser
def test_chromium_opens_its_sockets_on_the_pages_own_http_2_connection(browsing: Browsing, tmp_path: Path) -> None:
    # RFC 8441 §5: over TLS a browser speaks HTTP/2, and tunnels its sockets once it has seen our SETTINGS.
    seen: list[tuple[str, str, Any]] = []

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            seen.append((scope["type"], scope["http_version"], scope["client"]))
        await room(scope, receive, send)

    certificate, key = Authority(tmp_path).issue("localhost")
    with serve(noted, manner=Manner(tls=True), tls_certificate=(certificate,), tls_key=(key,)) as served:
        url = f"https://localhost:{served.address[1]}"
        page = browsing.page(url, ignore_https_errors=True)
        messages = ["hello", LONG, ""]
        for _ in range(2):
            said = page.evaluate(TALK, [url.replace("https:", "wss:"), messages])
            assert said == [messages, said[1], "echo", 4001, "пока", True]
            assert said[1].startswith("permessage-deflate")
        browsing.close()
        assert [one for one in seen if one[0] == "websocket"] == [("websocket", "2", seen[0][2])] * 2
        # Chromium refuses the certificate first, and comes again because it is told to take it all the same; and it
        # opens a second connection where the first one is slow, which it may leave in the middle of its handshake.
        failed = {"certificate_refused", "left"}
        assert [said for said, _, fields in served.log.entries if fields.get("reason") not in failed] == []


@pytest.mark.browser
def test_chromium_talks_to_us(browsing: Browsing) -> None:
    with serve(room) as served:
        page = browsing.page(served.url)
        messages = ["hello", LONG, ""]
        said = page.evaluate(TALK, [served.url.replace("http:", "ws:"), messages])
        answers, extensions, protocol, code, reason, clean = said
        assert answers == messages
        assert extensions.startswith("permessage-deflate")
        assert (protocol, code, reason, clean) == ("echo", 4001, "пока", True)
        browsing.close()
