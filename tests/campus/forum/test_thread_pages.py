"""Every page of a thread costs the same, however long the thread and wherever the page: counted, not timed.

`./bench pages` has the times.
"""

import asyncio
from pathlib import Path
from typing import Any, Final

import apsw
import psycopg
import pytest

from campus.forum.model import MESSAGES_ON_A_PAGE, Thread, numbers_on, page_of
from campus.forum.queries import MESSAGES, THREAD
from campus.model import METADATA
from fixtures.campus_site import running
from fixtures.long_threads import LONG, SHORT, write_long_threads
from veche.data import Database, Statement, create_tables, open_database

MOST: Final = 1.5
PAGES: Final = {"first": 1, "middle": page_of(LONG) // 2, "last": page_of(LONG)}


def filled(url: str) -> tuple[Database, Thread, Thread]:
    database = open_database(url)
    create_tables(database, METADATA)

    async def fill() -> tuple[Thread, Thread]:
        try:
            return await write_long_threads(database)
        finally:
            await database.close()

    return database, *asyncio.run(fill())


def arguments_of(thread: Thread, page: int) -> dict[str, object]:
    numbers = numbers_on(page)
    return {"community_id": 1, "thread_id": thread.id, "first": numbers[0], "last": numbers[-1]}


def test_sqlite_takes_as_many_steps_for_any_page_as_for_one_of_a_short_thread(tmp_path: Path) -> None:
    file = tmp_path / "forum.sqlite"
    database, short, long = filled(f"sqlite:///{file}")
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        of_short, rows_of_short = steps(connection, database, MESSAGES, arguments_of(short, 2))
        assert rows_of_short == MESSAGES_ON_A_PAGE
        for name, page in PAGES.items():
            of_long, rows_of_long = steps(connection, database, MESSAGES, arguments_of(long, page))
            assert rows_of_long == rows_on(page), name
            assert of_long / rows_of_long <= MOST * of_short / rows_of_short, name
        of_head, of_short_head = (
            steps(connection, database, THREAD, {"community_id": 1, "number": one.number})[0] for one in (long, short)
        )
        assert of_head <= MOST * of_short_head
    finally:
        connection.close()
        database.close_own()


def steps(
    connection: apsw.Connection, database: Database, statement: Statement[Any], parameters: dict[str, object]
) -> tuple[int, int]:
    """Return how many instructions of SQLite's virtual machine the statement takes, and how many rows it gives."""
    prepared = statement.prepare(database.dialect)
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return False

    connection.set_progress_handler(step, 1)
    try:
        rows = len(connection.execute(prepared.sql, prepared.arguments(parameters)).fetchall())
    finally:
        connection.set_progress_handler(None)
    return count, rows


@pytest.mark.postgres
def test_postgresql_reads_the_rows_of_the_page_through_the_key_and_no_others(postgres_url: str) -> None:
    database, _short, long = filled(postgres_url)
    database.execute_query("ANALYZE")
    database.close_own()
    prepared = MESSAGES.prepare(database.dialect)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"PREPARE page AS {prepared.sql}".encode())
        for name, page in PAGES.items():
            arguments = prepared.arguments(arguments_of(long, page))
            values = ", ".join(f"'{value}'" for value in arguments)
            row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page({values})".encode()).fetchone()
            assert row is not None
            scans = [node for node in nodes_of(row[0][0]["Plan"]) if node.get("Relation Name") == "message"]
            assert [node.get("Index Name") for node in scans] == ["pk_message"], (name, row)
            assert scans[0]["Actual Rows"] == rows_on(page), name
            assert not scans[0].get("Rows Removed by Filter"), name


def rows_on(page: int) -> int:
    return min(MESSAGES_ON_A_PAGE, LONG - MESSAGES_ON_A_PAGE * (page - 1))


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes_of(child))]


def test_first_middle_and_last_page_and_the_jump_to_a_message_are_right(database_url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(database_url, tmp_path) as site:
            database = open_database(database_url)
            try:
                await write_long_threads(database)
            finally:
                database.close_own()
                await database.close()
            visitor = site.visitor()
            for number, count in ((1, SHORT), (2, LONG)):
                for message in (1, count // 2, count):
                    answer = await visitor.get(f"/threads/{number}/messages/{message}")
                    place = answer.headers["location"]
                    page = await visitor.get(place.partition("#")[0])
                    assert f'id="m{message}"' in page.text, place
                    assert place.endswith(f"#m{message}")

    asyncio.run(scenario())
