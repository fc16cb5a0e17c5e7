"""Several processes write to one database: nothing is lost, nothing is doubled, nothing is half done."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from data.school import Message, Room, School
from veche.data import Statement

TESTS = Path(__file__).resolve().parents[1]
REPLAY = Statement(
    sa.select(Message.revision).where(Message.revision > sa.bindparam("last")).order_by(Message.revision)
)
WRITERS, EACH = 4, 40


def start_writer(url: str, count: int, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "data.writer_program", url, str(count), *words]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


async def open_room(school: School) -> None:
    async with school.units.begin() as unit:
        await unit.insert(Room(id=5))
        await unit.commit()


def test_a_reader_that_goes_by_revision_misses_nothing_under_four_writers(school: School, database_url: str) -> None:
    async def work() -> None:
        await open_room(school)
        writers = [start_writer(database_url, EACH) for _ in range(WRITERS)]
        seen: list[int] = []
        give_up_at = time.monotonic() + 60
        while len(seen) < WRITERS * EACH and time.monotonic() < give_up_at:
            rows = await school.units.reader.all(REPLAY, last=seen[-1] if seen else 0)
            seen.extend(row[0] for row in rows)
            await asyncio.sleep(0.001)
        answers = [await asyncio.to_thread(writer.communicate, timeout=60) for writer in writers]
        assert [writer.returncode for writer in writers] == [0] * WRITERS, answers
        assert seen == list(range(1, WRITERS * EACH + 1))
        published = sorted(int(word) for out, _err in answers for word in out.split())
        assert published == seen

    school.run(work)


def test_a_worker_killed_between_insert_and_commit_leaves_nothing(school: School, database_url: str) -> None:
    async def work() -> None:
        await open_room(school)
        victim = start_writer(database_url, 1, "hang")
        assert victim.stdout is not None
        assert await asyncio.to_thread(victim.stdout.readline) == "inserted\n"
        assert await school.units.reader.all(REPLAY, last=0) == []
        victim.kill()
        assert (await asyncio.to_thread(victim.communicate))[0] == ""  # nothing was published
        follower = start_writer(database_url, 3)
        out, error = await asyncio.to_thread(follower.communicate, timeout=30)
        assert out.split() == ["1", "2", "3"], error
        assert await school.units.reader.all(REPLAY, last=0) == [(1,), (2,), (3,)]

    school.run(work)
