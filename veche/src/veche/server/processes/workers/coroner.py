"""The verdict on a worker, from what is left of it.

One job: collect the facts of one end, from the process, its place in the scoreboard and its stacks.
Must not know: what is done with a verdict, who starts or ends workers.
"""

import time
from typing import Final

import msgspec

from veche.server.processes.surroundings.memory import MemoryKills
from veche.server.processes.workers.child import Child
from veche.server.scoreboard.counters import Counter
from veche.server.verdicts.incidents import Incident
from veche.server.verdicts.verdict import Ending, Verdict, verdict_of_ending, verdict_of_incident

MOST_REQUESTS: Final = 1000  # of the longest, and as many of the newest: WebSockets are many, and the longest


class Coroner:
    """Examines workers."""

    def __init__(self) -> None:
        self._memory_kills = MemoryKills()

    def examine(self, child: Child) -> Verdict:
        """The verdict on one that has ended; its place and its stacks must still be there."""
        said = child.said
        ending = Ending(
            worker=child.number,
            pid=child.process.pid,
            return_code=child.process.returncode,
            our_kind=child.doom.kind,
            our_reason=child.doom.reason or "",
            our_signal=child.doom.signal,
            memory_kills=self._memory_kills.since_last_look(),
            resident_octets=child.place.counters()[Counter.RESIDENT_OCTETS],
            leaving=said.leaving,
            failure=said.failure.reason if said.failure is not None else "",
            failure_traceback=said.failure.traceback if said.failure is not None else "",
            culprit=child.place.request(said.culprit),
            requests=child.place.requests(most=MOST_REQUESTS, newest=MOST_REQUESTS, without=said.culprit),
            in_flight=child.place.in_flight(),
            thread_stacks=child.stacks.text(),
            task_stacks=said.task_stacks,
        )
        return _now(verdict_of_ending(ending))

    def hear(self, child: Child, incident: Incident) -> Verdict:
        """The verdict on what a worker saw while it went on."""
        return _now(verdict_of_incident(incident, worker=child.number, pid=child.process.pid))


def _now(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, moment=time.time())
