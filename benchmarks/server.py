"""`./bench server`: our server and its peers at every kind of work, per second of the server's processor time.

Each contest is one table; with --log both, the access logs of all are off, then on. The issue's targets are printed as
PASS or MISS. When the machine was noisy the output says so.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import compiled, files, http1, http2, memory, websocket
from benchmarks.contest import Contest, DidNotStart, hold
from benchmarks.report import as_json, machine_lines, table

BENCHMARK = "server"
CONTESTS: Sequence[Contest] = (*http1.CONTESTS, *files.CONTESTS, *http2.CONTESTS, *websocket.CONTESTS)
OTHERS: dict[str, Callable[[], dict[str, Any]]] = {"memory": memory.measure}


def main(contests: Sequence[Contest] = CONTESTS, others: dict[str, Callable[[], dict[str, Any]]] = OTHERS) -> None:
    """Hold the contests that were asked for."""
    names = [contest.name for contest in contests] + list(others)
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, help="one table (may be given several times)")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (default 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one burst (default 1)")
    parser.add_argument("--log", choices=["off", "on", "both"], default="off", help="the access logs of all servers")
    parser.add_argument("--no-compiled", action="store_true", help="without the compiled server's row")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured there, too")
    options = parser.parse_args()
    wanted = options.only or names
    chosen = [contest for contest in contests if contest.name in wanted]
    folder = compiled.built() if chosen and not options.no_compiled else None
    if folder is not None:
        chosen = compiled.beside(chosen, folder)
    if chosen:
        print(machine_lines(chosen))
    kept = []
    for logged in {"off": [False], "on": [True], "both": [False, True]}[options.log]:
        for contest in chosen:
            if logged and contest.contestants[0].log_on is None:
                continue
            try:
                results = hold(contest, rounds=options.rounds, seconds=options.seconds, logged=logged)
            except DidNotStart as reason:
                print(f"\n### {contest.name}: {contest.title}\n\nNot measured: {reason}", flush=True)
                continue
            print("\n" + table(contest, results), flush=True)
            kept.append(as_json(contest, results))
    kept += [measure() for name, measure in others.items() if name in wanted]
    if options.json:
        Path(options.json).write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")


if __name__ == "__main__":
    main()
