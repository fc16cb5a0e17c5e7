"""`--reload` in the master: who changes a file meets the new code at the next request.

One job: end all workers when files have changed, and have a page stand in for an application that does not start.
Must not know: how files are watched, how workers are started.
"""

import time
from typing import Final

from veche.server.processes.development.changes import FileWatch, forget_bytecode
from veche.server.processes.orders import Failed
from veche.server.processes.words import Words
from veche.server.processes.workers.child import Child
from veche.server.processes.workers.crew import Crew
from veche.server.processes.workers.places import Places
from veche.server.processes.workers.replacing import Replacing

LOOK_SECONDS: Final = 0.2  # how often files are looked at
SHOWN_FILES: Final = 3


class StartingOver:
    """folder: the one whose files are watched."""

    def __init__(self, folder: str, crew: Crew, places: Places, replacing: Replacing, words: Words) -> None:
        self._folder = folder
        self._crew = crew
        self._places = places
        self._replacing = replacing
        self._words = words
        self._watch = FileWatch(folder)
        self.deadline = 0.0  # when `look` should be called

    def look(self, now: float) -> None:
        """Start over, if files have changed; nothing before the deadline."""
        if now < self.deadline:
            return
        files = self._watch.look()
        self.deadline = now + max(LOOK_SECONDS, 10 * (time.monotonic() - now))
        if files:
            self.start_over(files)

    def start_over(self, files: list[str]) -> None:
        """End every worker at once; whoever comes waits in the kernel's queue for those that start now."""
        forget_bytecode(self._folder, files)
        self._watch.look()  # a worker may have seen it first
        shown = ", ".join(files[:SHOWN_FILES]) + (f" and {len(files) - SHOWN_FILES} more" * (len(files) > SHOWN_FILES))
        self._words.say(f"{shown} changed: starting over")
        self._replacing.drop_all()
        self._places.stand_in = None
        self._places.forget_ends()
        for child in self._crew.wanted():
            child.stop(time.monotonic())

    def stand_in_for(self, child: Child, ending: str) -> None:
        """Have a page say why the application does not start, until it is mended."""
        self._words.explain_failure(child, ending)
        if self._places.stand_in is not None or self._replacing.is_newcomer(child):
            self._places.count_end(time.monotonic())  # not even the page can be served: slower and slower
        self._replacing.drop()
        self._places.stand_in = child.said.failure or Failed(f"{child} {ending}", "")
