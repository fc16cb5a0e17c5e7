"""The relay between real workers: what one publishes reaches the applications in all the others."""

import http.client
from pathlib import Path

import pytest

from fixtures.load import ask
from fixtures.servers import ServerProcess, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


class Worker:
    """A kept-alive connection: it stays with the worker that accepted it."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.pid = self.ask("/pid")

    def ask(self, target: str) -> str:
        status, text = ask(self.connection, target)
        assert status == 200, text
        return text

    def heard(self) -> int:
        return int(self.ask("/heard"))


def one_connection_to_each(server: ServerProcess, workers: int) -> list[Worker]:
    found: dict[str, Worker] = {}

    def try_one_more() -> bool:
        worker = Worker(server.port)
        if worker.pid in found:
            worker.connection.close()
        else:
            found[worker.pid] = worker
        return len(found) == workers

    wait_until(try_one_more, what=f"connections to {workers} workers")
    return list(found.values())


def test_1000_changes_published_in_one_worker_reach_every_other() -> None:
    with ServerProcess("publishing:app", app_dir=HERE, workers=3) as server:
        workers = one_connection_to_each(server, 3)
        workers[0].ask("/publish?count=1000")
        for worker in workers:
            wait_until(lambda worker=worker: worker.heard() == 1000, what="all 1000 changes")  # type: ignore[misc]  # bound now
        workers[1].ask("/publish?count=500")
        for worker in workers:
            wait_until(lambda worker=worker: worker.heard() == 1500, what="all 1500 changes")  # type: ignore[misc]  # bound now


def test_a_worker_that_hangs_does_not_hold_the_others_up_and_looks_everything_up_afterwards(
    tmp_path: Path,
) -> None:
    with ServerProcess("publishing:app", "--loop-stall-seconds", "0", app_dir=HERE, workers=3) as server:
        writer, other, slow = one_connection_to_each(server, 3)
        held = tmp_path / "held"
        held.touch()
        slow.connection.request("GET", f"/hang?while={held}")
        for turn in range(1, 21):  # far more than a socket's buffer and 1 MiB together
            writer.ask("/publish?count=10000")
            wait_until(lambda turn=turn: other.heard() == turn * 10_000, what="all changes in the healthy worker")  # type: ignore[misc]  # bound now
        held.unlink()
        slow.connection.getresponse().read()
        wait_until(lambda: int(slow.ask("/missed")) == 1, what="the slow worker told that it missed something")
        assert slow.heard() < 200_000
        before = slow.heard()
        writer.ask("/publish?count=1")
        wait_until(lambda: slow.heard() == before + 1, what="the slow worker heard again")
