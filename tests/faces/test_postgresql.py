"""`campus up --database postgresql://…`: the same site on a real PostgreSQL, also when that goes away in the middle."""

import json
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from fixtures.databases import PostgresCluster
from fixtures.servers import RunningCommand, free_port, wait_until
from fixtures.visitors import LiveParts, Visitor

pytestmark = [pytest.mark.postgres, pytest.mark.process]

PATIENCE_SECONDS = 60.0
COURSE = "/courses/how-a-request-travels"
WHAT_IS_STORED = """
    SELECT (SELECT count(*) FROM message), (SELECT sum(revision) FROM thread), (SELECT sum(revision) FROM category),
           (SELECT sum(thread_count) FROM category), (SELECT count(*) FROM account), (SELECT count(*) FROM enrolment)
"""


@contextmanager
def campus_up(folder: Path, database_url: str) -> Iterator[str]:
    """`campus up --sample` on two workers; its address."""
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "campus", "up", "--sample", "--workers", "2", "--bind", address]
    options = ["--database", database_url, "--data-directory", str(folder / "var")]
    with RunningCommand([*command, *options], ready="Campus is at", patience_seconds=PATIENCE_SECONDS) as running:
        yield f"http://{address}"
    assert "Traceback" not in running.log_text(), running.log_text()


@contextmanager
def looking(visitor: Visitor, path: str) -> Iterator[ClientConnection]:
    """A page that stands open and has joined."""
    shown = LiveParts(visitor.see(path)).shown
    url = str(visitor.client.base_url).rstrip("/")
    with connect(url.replace("http", "ws", 1) + "/live/socket", origin=Origin(url)) as socket:
        socket.send(json.dumps({"join": shown}))
        hear(socket, "joined")
        yield socket


def hear(socket: ClientConnection, words: str) -> None:
    """Take what the page is told until the words are in it."""
    while words not in str(socket.recv(timeout=PATIENCE_SECONDS)):
        pass


def stored(database_url: str) -> tuple[Any, ...]:
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(WHAT_IS_STORED).fetchall()
        return row


def test_one_registers_learns_and_talks_and_others_hear_it_at_once(postgres_url: str, tmp_path: Path) -> None:
    with campus_up(tmp_path, postgres_url) as url, Visitor(url) as anna, Visitor(url) as boris:
        anna.register("анна", first_name="Анна", last_name="Ёлкина")
        assert "Анна Ёлкина" in anna.see("/profile")
        boris.register("борис")

        assert anna.send(f"{COURSE}/enrol", {}).status_code == 200
        lesson = re.search(rf'href="({COURSE}/[^"/#]+)"', anna.see(COURSE))
        assert lesson is not None
        anna.send(f"{lesson[1]}/done", {"done": "on"})
        assert anna.send(f"{COURSE}/leave", {}).status_code == 200

        thread = anna.start_thread("questions", "Хлеб", "Сколько печь?")
        with looking(boris, thread) as socket:
            assert anna.write(thread, "Час, **не меньше**.").status_code == 200
            hear(socket, "<strong>не меньше</strong>")
        assert "не меньше" in boris.see(thread)
    assert stored(postgres_url)[0] > 2, "it is PostgreSQL that holds it"
    assert not list(tmp_path.glob("var/*.sqlite*"))


def test_a_second_start_finds_everything_and_makes_nothing_twice(postgres_url: str, tmp_path: Path) -> None:
    with campus_up(tmp_path, postgres_url) as url, Visitor(url) as anna:
        anna.register("анна")
    before = stored(postgres_url)
    with campus_up(tmp_path / "another machine", postgres_url) as url, Visitor(url) as anna:
        anna.log_in("анна")
        assert "Ёлкин" in anna.see("/profile")
    assert stored(postgres_url) == before


def test_while_the_database_is_away_pages_say_so_and_afterwards_everything_goes_on(
    postgres_cluster: PostgresCluster, postgres_url: str, tmp_path: Path
) -> None:
    with campus_up(tmp_path, postgres_url) as url, Visitor(url) as anna, Visitor(url) as boris:
        anna.register("анна")
        thread = anna.start_thread("questions", "Хлеб", "Сколько печь?")
        before = stored(postgres_url)
        with looking(boris, thread) as socket:
            postgres_cluster.stop()
            try:
                for answer in (anna.client.get(thread), anna.write(thread, "lost?"), anna.client.get("/courses")):
                    assert answer.status_code == 503
                    assert "Nothing that was saved is lost" in answer.text
                    assert "retry-after" in answer.headers
                problem = anna.client.get("/forum", headers={"accept": "application/json"})
                assert problem.headers["content-type"] == "application/problem+json"
                assert anna.client.get("/static/nothing").status_code == 404, "what needs no database is answered"
            finally:
                postgres_cluster.start()
            assert stored(postgres_url) == before
            is_back = lambda: anna.client.get(thread).status_code == 200  # noqa: E731
            wait_until(is_back, what="the site by itself", seconds=PATIENCE_SECONDS)
            assert anna.write(thread, "Час.").status_code == 200, "still logged in"
            hear(socket, "Час.")


def test_a_database_that_dies_in_the_middle_of_a_message_leaves_nothing_of_it(
    postgres_cluster: PostgresCluster, postgres_url: str, tmp_path: Path
) -> None:
    with campus_up(tmp_path, postgres_url) as url, Visitor(url) as anna, ThreadPoolExecutor(1) as aside:
        anna.register("анна")
        thread = anna.start_thread("questions", "Хлеб", "Сколько печь?")
        before = stored(postgres_url)
        holder = psycopg.connect(postgres_url)
        try:
            holder.execute("SELECT * FROM thread WHERE number = %s FOR UPDATE", [thread.rpartition("/")[2]])
            sent = aside.submit(anna.write, thread, "half a message")
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            is_stuck = lambda: postgres_cluster.execute(waits)[0][0] > 0  # noqa: E731
            wait_until(is_stuck, what="the message behind the lock", seconds=PATIENCE_SECONDS)
            postgres_cluster.stop()
            answer = sent.result(PATIENCE_SECONDS)
        finally:
            holder.close()
            postgres_cluster.start()
        assert answer.status_code == 503, answer.text
        assert stored(postgres_url) == before
        is_back = lambda: anna.client.get(thread).status_code == 200  # noqa: E731
        wait_until(is_back, what="the site by itself", seconds=PATIENCE_SECONDS)
        assert "half a message" not in anna.see(thread)
        assert anna.write(thread, "a whole message").status_code == 200
