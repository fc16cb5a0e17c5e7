"""What a worker has said of itself.

One job: keep its reports until somebody asks.
Must not know: processes, sockets, what follows from any of it.
"""

from typing import assert_never

from veche.server.processes.orders import Failed, Leaves, Outdated, Ready, Report, Saw, TaskStacks, WornOut
from veche.server.verdicts.culprit import UNKNOWN
from veche.server.verdicts.incidents import Incident
from veche.server.verdicts.verdict import Leaving


class Said:
    """One worker's reports; `take` keeps one."""

    def __init__(self) -> None:
        self.failure: Failed | None = None  # why it could not start
        self.leaving: Leaving | None = None  # of its end
        self.worn_out = ""  # why it asks to be replaced
        self.outdated: list[str] = []  # the files that it has seen change
        self.incidents: list[Incident] = []
        self.task_stacks = ""
        self.culprit = UNKNOWN  # the slot of the request that its loop ran when it was asked for them

    def take(self, report: Report) -> None:
        match report:
            case Ready():
                pass  # a move of its state, and nothing to keep
            case Failed():
                self.failure = report
            case Leaves(leaving):
                self.leaving = leaving
            case Saw(incident):
                self.incidents.append(incident)
            case Outdated(files):
                self.outdated = files
            case WornOut(reason):
                self.worn_out = reason
            case TaskStacks(text, slot):
                self.task_stacks, self.culprit = text, slot
            case _:
                assert_never(report)
