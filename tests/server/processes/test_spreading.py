"""Connections spread evenly over the workers, and nobody waits behind a worker that is busy (facts §2.6, §4.2)."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess
from fixtures.serving import Peer
from veche.server.connections.accepting.doors import ACCEPTS_PER_TURN, share

HERE = Path(__file__).parent
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def serving(workers: int, *options: str) -> Iterator[ServerProcess]:
    with ServerProcess("applications:app", "--no-access-log", *options, workers=workers, app_dir=HERE) as server:
        yield server


@pytest.mark.parametrize(
    ("mine", "others", "count"),
    [
        (1000, [], ACCEPTS_PER_TURN),  # nobody else accepts
        (0, [0, 0], 2),
        (2, [0, 9], 0),
        (9, [0, 9], -7),
        (1, [0], 1),
        (160, [160], 10),
        (171, [160], -1),
        (0, [5000], ACCEPTS_PER_TURN),
    ],
)
def test_who_has_more_connections_than_the_others_takes_none(mine: int, others: list[int], count: int) -> None:
    assert share(mine, others) == count


@pytest.mark.process
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("workers", [2, 4])
def test_long_lived_connections_spread_evenly(workers: int, at_once: bool) -> None:
    with serving(workers) as server, ExitStack() as peers:
        answers = []
        connected = []
        for _ in range(200):
            peer = peers.enter_context(Peer(("127.0.0.1", server.port)))
            peer.send(ASK)
            connected.append(peer)
            if not at_once:
                answers.append(peer.read_response()[2])
        if at_once:
            answers = [peer.read_response()[2] for peer in connected]
    counts = Counter(answers)
    assert len(counts) == workers
    assert max(counts.values()) <= 1.3 * 200 / workers, counts


@pytest.mark.process
def test_nobody_waits_behind_a_worker_whose_loop_is_blocked(tmp_path: Path) -> None:
    held = tmp_path / "held"  # it is blocked until everybody else was answered
    held.touch()
    with serving(2, "--loop-stall-seconds", "0") as server:
        blocked = threading.Thread(target=lambda: get(f"{server.url}/blocked?while={held}", timeout=60))
        blocked.start()
        server.wait_for_log("the loop is blocked")
        answered_by = Counter(get(server.url, timeout=30)[1] for _ in range(40))
        with ExitStack() as peers:  # also when they stay: the blocked one has fewest, and must not be waited for
            for _ in range(20):
                peer = peers.enter_context(Peer(("127.0.0.1", server.port)))
                peer.send(ASK)
                answered_by[peer.read_response()[2].decode()] += 1
        assert len(answered_by) == 1
        assert blocked.is_alive()
        held.unlink()
        blocked.join()


@pytest.mark.process
def test_a_worker_without_descriptors_says_so_and_serves_again_when_there_are_some() -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with serving(1) as server:
        (worker,) = server.worker_pids()
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (40, limits[1]))
        with ExitStack() as peers:
            for _ in range(60):
                peers.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            server.wait_for_log("cannot accept connections now: Too many open files")
        assert get(server.url, timeout=30)[0] == 200
        assert server.log_text().count("cannot accept") < 10
