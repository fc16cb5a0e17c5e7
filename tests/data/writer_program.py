"""A process that says messages in a room: `python -m data.writer_program URL COUNT [hang]`.

With "hang" it stops between insert and commit, says so on its output, and waits to be killed.
"""

from __future__ import annotations

import asyncio
import sys

from data.school import Message, Room
from veche.data import UnitsOfWork, next_revision, open_database


async def say(units: UnitsOfWork, text: str, *, hang: bool) -> None:
    async with units.begin(deadline_seconds=30 if hang else 20) as unit:
        revision = await next_revision(unit, Room, community_id=1, id=5)
        await unit.insert(Message(room_id=5, revision=revision, text=text))
        unit.publish_after_commit("room:5", revision)
        if hang:
            print("inserted", flush=True)
            await asyncio.Event().wait()
        await unit.commit()


async def main(url: str, count: int, *, hang: bool) -> None:
    database = open_database(url)
    units = UnitsOfWork(database, lambda changes: print(changes[0].version, flush=True))
    # Two at a time: the process's own queue and the one between processes are both used.
    for number in range(0, count, 2):
        await asyncio.gather(*(say(units, str(each), hang=hang) for each in (number, number + 1)[: count - number]))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), hang="hang" in sys.argv))
