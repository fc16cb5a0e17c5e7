"""What the master says about its workers and itself.

One job: words into the log, a start that failed in words.
Must not know: why something is said, when; what becomes of it.
"""

import sys
from contextlib import suppress

from veche.log import Level, Logger
from veche.server.processes.workers.child import Child


class Words:
    """The master's way into the log; it never fails."""

    def __init__(self, logger: Logger, application: str) -> None:
        self._logger = logger
        self._application = application

    def say(self, message: str, level: Level = Level.INFO, **fields: object) -> None:
        """One line, and what stands below it."""
        with suppress(OSError, ValueError):  # a closed terminal or a full disk must not end the master
            self._logger.log_message(message, level=level, **fields)

    def complain(self, message: str) -> None:
        """Something is wrong, and the server goes on without it."""
        self.say(message, Level.WARNING)

    def explain_failure(self, child: Child, ending: str) -> None:
        """Why a worker did not become ready."""
        if child.said.failure is not None:
            traceback = {"traceback": child.said.failure.traceback} if child.said.failure.traceback else {}
            self.say(child.said.failure.reason, Level.ERROR, **traceback)
        elif child.doom.reason is not None:
            self.say(f"{child} {ending}", Level.ERROR, **evidence(child))
        else:
            module = self._application.partition(":")[0]
            self.say(
                f"{child} {ending} before it was ready: importing or starting {self._application} ended the process; "
                f"try `{sys.executable} -c 'import {module}'`",
                Level.ERROR,
                **evidence(child),
            )


def evidence(child: Child) -> dict[str, str]:
    """What the log says below the line about an end."""
    verdict = child.verdict
    if verdict is None:
        return {}
    return {"advice": verdict.advice} | ({"traceback": verdict.evidence} if verdict.evidence else {})


def count(number: int, noun: str) -> str:
    """`1 worker`, `2 workers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
