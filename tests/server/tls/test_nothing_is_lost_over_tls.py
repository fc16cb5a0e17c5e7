"""A reload under load over TLS: whoever shakes hands while workers change is answered."""

import asyncio
import signal
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.certificates import Authority
from fixtures.load import GRACE_SECONDS
from fixtures.servers import ServerProcess

APPLICATIONS = Path(__file__).parents[1] / "processes"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

pytestmark = pytest.mark.process


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_since: float) -> bytes | None:
    """The head of the answer; None when a draining server has closed, because this machine kept it waiting so long."""
    writer.write(REQUEST)
    paused = time.monotonic() - idle_since >= GRACE_SECONDS
    try:
        return await answers(reader)
    except (asyncio.IncompleteReadError, ConnectionError):
        if paused:
            return None
        raise


async def answers(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return head


async def end(writer: asyncio.StreamWriter) -> None:
    """Close, and wait for it: what is left open troubles the tests that come after."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    await asyncio.sleep(0.005)  # the workers need the processor, too


async def fresh(port: int, context: ssl.SSLContext, enough: asyncio.Event) -> int:
    """Ask on one connection after another; every request must be answered."""
    count = 0
    while not enough.is_set():
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        head = await ask(reader, writer, began)
        if head is not None:
            assert head.startswith(b"HTTP/1.1 200")
            count += 1
        await end(writer)
    return count


async def kept(port: int, context: ssl.SSLContext, enough: asyncio.Event) -> int:
    """Ask again and again on one connection; it may end between two requests, and only after saying so."""
    count = 0
    while not enough.is_set():
        idle_since = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
        goes_on = True
        while goes_on and not enough.is_set():
            began = time.monotonic()
            head = await ask(reader, writer, idle_since)
            if head is None:
                break
            goes_on, idle_since = b"connection: close" not in head.lower(), began
            count += 1
            await asyncio.sleep(0.005)
        await end(writer)
    return count


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_reload_loses_no_request_over_tls(tmp_path: Path, loop: str) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost")

    async def load(server: ServerProcess) -> list[int]:
        enough = asyncio.Event()
        context = authority.client()
        clients = [fresh(server.port, context, enough), kept(server.port, context, enough)]
        running = [asyncio.create_task(client) for client in clients]
        for reload in range(1, 3):
            await asyncio.sleep(0.1)  # some requests before each reload, and between them
            server.signal(signal.SIGHUP)
            await asyncio.to_thread(server.wait_for_log, rf"(?s)(INFO reloaded.*){{{reload}}}")
        await asyncio.sleep(0.1)
        enough.set()
        return await asyncio.gather(*running)

    with ServerProcess(
        "applications:app",
        *("--tls-certificate", certificate, "--tls-key", key, "--loop", loop, "--no-access-log"),
        workers=1,
        bind=["https://127.0.0.1:0"],
        app_dir=APPLICATIONS,
    ) as server:
        counts = asyncio.run(load(server))
    assert all(count > 1 for count in counts), counts
