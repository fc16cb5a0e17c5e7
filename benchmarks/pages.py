"""`./bench pages`: the pages of a thread of 100,000 messages beside those of a thread of 100.

Whole answers of the site in this process, on SQLite or on the database that --database names (empty, please), in
alternating rounds. Before each request the thread's revision is raised, as if somebody had written just then: nothing
comes from what is kept rendered. The target is 1.5.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

BENCHMARK = "pages"
TARGET = 1.5
PLACES = {"first page": 0.0, "middle page": 0.5, "last page": 1.0, "jump to a message": 0.7}
TESTS = Path(__file__).parent.parent / "tests"


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="./bench pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="alternating rounds (default 40)")
    parser.add_argument("--database", default="", help="postgresql://… of an empty database; SQLite otherwise")
    options = parser.parse_args()
    sys.path.insert(0, str(TESTS))  # the long threads are the tests' own
    with tempfile.TemporaryDirectory() as folder:
        url = options.database or f"sqlite:///{folder}/pages.sqlite"
        took = asyncio.run(measure(url, Path(folder), options.rounds))
    report(took)


async def measure(url: str, folder: Path, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return seconds per request: what → (short thread, long thread)."""
    from fixtures.campus_site import running
    from fixtures.long_threads import LONG, SHORT, write_long_threads
    from veche.data import open_database

    took: dict[str, tuple[list[float], list[float]]] = {}
    async with running(url, folder) as site:
        database = open_database(url)
        await write_long_threads(database)
        visitor = site.visitor()
        for _round in range(rounds):
            for what, share in (
                ("first page", 0.0),
                ("middle page", 0.5),
                ("last page", 1.0),
                ("jump to a message", 0.7),
            ):
                for which, count in enumerate((SHORT, LONG)):
                    number = which + 1
                    database.execute_query("UPDATE thread SET revision = revision + 1 WHERE id = ?", [number])
                    # The last page of either thread is full: a page of ten messages would be no fair rival.
                    message = max(1, round(share * (count - count % 30)))
                    began = time.perf_counter()
                    address = f"/threads/{number}?page={(message - 1) // 30 + 1}"
                    if what.startswith("jump"):
                        answer = await visitor.get(f"/threads/{number}/messages/{message}")
                        address = answer.headers["location"].partition("#")[0]
                    page = await visitor.get(address)
                    seconds = time.perf_counter() - began
                    assert f'id="m{message}"' in page.text
                    took.setdefault(what, ([], []))[which].append(seconds)
        database.close_own()
        await database.close()
    return took


def report(took: dict[str, tuple[list[float], list[float]]]) -> None:
    """Print the table; a loss is printed like a win."""
    print(f"{'':20} {'of 100':>10} {'of 100,000':>12} {'ratio':>7}")
    worst = 0.0
    for what, (short, long) in took.items():
        ratio = statistics.median(b / a for a, b in zip(short, long, strict=True))
        worst = max(worst, ratio)
        print(f"{what:20} {milliseconds(short):>10} {milliseconds(long):>12} {ratio:7.2f}")
    print(f"The target is {TARGET}: {'kept' if worst <= TARGET else 'MISSED'}.")


def milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.2f} ms"


if __name__ == "__main__":
    main()
