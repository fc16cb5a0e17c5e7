"""Looking at servers from outside: for `veche status`, `veche doctor`, and whoever writes the like."""

from veche.server.asking import NoServer, ask, kept_verdicts, running_servers
from veche.server.processes.telling.status import RequestStatus, ServerStatus, WorkerStatus
from veche.server.verdicts.history import read_verdicts
from veche.server.verdicts.verdict import Verdict

__all__ = [
    "NoServer",
    "RequestStatus",
    "ServerStatus",
    "Verdict",
    "WorkerStatus",
    "ask",
    "kept_verdicts",
    "read_verdicts",
    "running_servers",
]
