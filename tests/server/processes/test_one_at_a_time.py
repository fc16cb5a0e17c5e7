"""Workers that serve are replaced one at a time: the next newcomer starts when the one before it serves."""

import re
import signal
from pathlib import Path

import pytest

from fixtures.servers import ServerProcess

pytestmark = pytest.mark.process

# Slow to start: whoever starts two at once has both of them starting before either is ready.
SLOW = """
import asyncio, os

NUMBER = os.environ["VECHE_WORKER_NUMBER"]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        print(f"{NUMBER} starts\\n", end="", flush=True)  # one write: the lines of two workers do not mix
        await receive()
        await asyncio.sleep(1 if int(NUMBER) > 2 else 0)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print(f"{NUMBER} leaves\\n", end="", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
"""
EVENT = re.compile(r"^(\d+) (starts|leaves)$|INFO worker (\d+) \(pid \d+\) is (ready|replaced)", re.MULTILINE)


@pytest.mark.parametrize("options", [(), ("--recycle-rss-octets", "1000")], ids=["HUP", "recycling"])
def test_the_next_newcomer_starts_when_the_one_before_serves_and_each_old_worker_leaves_after_its_own(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with ServerProcess("slow:app", "--interface", "asgi", *options, workers=2, app_dir=tmp_path) as server:
        if not options:
            server.signal(signal.SIGHUP)
        for number in (1, 2):
            server.wait_for_log(rf"(?m)^{number} leaves$")
        log = server.log_text()
    events = [f"{match[1] or match[3]} {match[2] or match[4]}" for match in EVENT.finditer(log)]
    newcomers = [event for event in events if event in {"3 starts", "3 ready", "4 starts", "4 ready"}]
    assert newcomers == ["3 starts", "3 ready", "4 starts", "4 ready"], events
    # Worn out, whoever is seen first goes first: it may be either of them.
    first, second = sorted(("1 leaves", "2 leaves"), key=events.index)
    assert events.index("3 ready") < events.index(first), events
    assert events.index("4 ready") < events.index(second), events
    if options:  # both were worn out before the first newcomer was ready: nothing but our order made one wait
        assert max(events.index("1 replaced"), events.index("2 replaced")) < events.index("3 ready"), events
