"""What a contest brought, as a table that goes into docs/benchmarks.md as it is, and as JSON.

One job: print; losses like wins, and how noisy the machine was.
"""

import statistics
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from benchmarks.contest import Contest, Results, Target
from benchmarks.machine import model_name

NOISY_SPREAD = 0.10
NOISY_SHARE = 0.15
OLDER_PYTHON = 0.8  # the part of each target that is aimed at before Python 3.12


def machine_lines(contests: Sequence[Contest]) -> str:
    """What all tables of a run share."""
    packages = dict.fromkeys(package for contest in contests for one in contest.contestants for package in one.packages)
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"Python {sys.version.split()[0]}; {versions}\n{model_name()}"


def table(contest: Contest, results: Results) -> str:
    """The contest's title, table, targets and noise, in Markdown."""
    head = (
        f"{contest.load.described()}; {len(results.rounds)} alternating rounds of {results.seconds:g} s; "
        f"server on core {results.cores[0]}, load on core {results.cores[1]}; "
        f"access logs {'on' if results.logged else 'off'}"
    )
    title = f"### {contest.name}: {contest.title}{', access logs on' if results.logged else ''}"
    return "\n".join([title, "", head, "", *_rows(contest, results), "", *_targets(contest, results), *_noise(results)])


def _rows(contest: Contest, results: Results) -> list[str]:
    unit = contest.unit
    rows = [
        ("server", f"{unit} per CPU-second", f"ratio to {contest.reference}", f"{unit}/s", "p50 ms", "p99 ms", "errors")
    ]
    for name in results.rounds[0]:
        bursts = results.bursts(name)
        rows.append(
            (
                name,
                f"{results.median(name):,.0f}",
                f"{results.ratio(name, contest.reference):.2f}" if contest.reference in results.rounds[0] else "-",
                f"{statistics.median(one.outcome.requests / one.outcome.seconds for one in bursts):,.0f}",
                f"{statistics.median(one.outcome.p50_ms for one in bursts):.2f}",
                f"{statistics.median(one.outcome.p99_ms for one in bursts):.2f}",
                str(sum(one.outcome.errors for one in bursts)),
            )
        )
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns are also straight as plain text; all but the first are right-aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| "
        + " | ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        + " |"
        for row in rows
    ]
    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return [lines[0], rule, *lines[1:]]


def aimed_at(ratio: float) -> float:
    """The target on this Python."""
    return ratio if sys.version_info >= (3, 12) else round(ratio * OLDER_PYTHON, 2)


def reached(target: Target, results: Results) -> float | None:
    """Our ratio to the best of the target's peers; None when they or we did not take part."""
    there = [name for name in target.peers if name in results.rounds[0]]
    if not there or target.ours not in results.rounds[0]:
        return None
    return results.ratio(target.ours, max(there, key=results.median))


def _targets(contest: Contest, results: Results) -> list[str]:
    lines = []
    for target in contest.targets:
        ratio = reached(target, results)
        if ratio is not None:
            lines.append(verdict(target.ours, ratio, aimed_at(target.ratio), " and ".join(target.peers)))
    return lines


def verdict(ours: str, ratio: float, aim: float, peers: str) -> str:
    return f"{'PASS' if ratio >= aim else 'MISS'}: {ours} {ratio:.2f} x {peers}; the target is {aim:g}."


def _noise(results: Results) -> list[str]:
    lines = []
    if results.cores[0] == results.cores[1]:
        lines.append("NOISY: one core only; load and server disturb each other.")
    if results.noise_before > NOISY_SHARE:
        lines.append(f"NOISY: others used {results.noise_before:.0%} of the machine when this began.")
    spreads = {name: results.spread(name) for name in results.rounds[0]}
    loud = {name: spread for name, spread in spreads.items() if spread > NOISY_SPREAD}
    if loud:
        listed = ", ".join(f"{name} {spread:.0%}" for name, spread in loud.items())
        lines.append(
            f"NOISY: quartiles of the rounds are further apart than {NOISY_SPREAD:.0%} of the median: {listed}."
        )
    elif len(results.rounds) > 1:
        lines.append(f"Quiet: quartiles of the rounds are within {max(spreads.values()):.0%} of the median.")
    return lines


def as_json(contest: Contest, results: Results) -> dict[str, Any]:
    """The same for programs."""
    return {
        "name": contest.name,
        "access_log": results.logged,
        "python": sys.version.split()[0],
        "noise_before": results.noise_before,
        "servers": {
            name: {
                "per_cpu_second": results.median(name),
                "spread": results.spread(name),
                "rounds": [
                    {"cpu_seconds": one.cpu_seconds, "requests": one.outcome.requests, "errors": one.outcome.errors}
                    for one in results.bursts(name)
                ],
                "p50_ms": statistics.median(one.outcome.p50_ms for one in results.bursts(name)),
                "p99_ms": statistics.median(one.outcome.p99_ms for one in results.bursts(name)),
            }
            for name in results.rounds[0]
        },
        "targets": [
            {"peers": list(target.peers), "aim": aimed_at(target.ratio), "reached": reached(target, results)}
            for target in contest.targets
        ],
    }
