"""Replacing workers that serve: all of them (HUP), or those that are worn out.

One job: begin such a reload when it is wanted, take its steps, and abandon it when the newcomer does not start.
Must not know: signals, how workers start and stop.
"""

from veche.log import Level
from veche.server.processes.surroundings.supervisor import Supervisor
from veche.server.processes.words import Words
from veche.server.processes.workers.child import Child
from veche.server.processes.workers.crew import Crew
from veche.server.processes.workers.places import Places
from veche.server.processes.workers.reload import Reload


class Replacing:
    """One reload at a time; whatever is wanted meanwhile waits for its end."""

    def __init__(self, crew: Crew, places: Places, supervisor: Supervisor, words: Words) -> None:
        self._crew = crew
        self._places = places
        self._supervisor = supervisor
        self._words = words
        self._reload: Reload | None = None
        self._wanted = False
        self._worn_out: list[Child] = []  # they have asked to be replaced

    @property
    def goes_on(self) -> bool:
        """Whether workers are being replaced now."""
        return self._reload is not None

    def want_reload(self) -> None:
        """Replace everybody, as soon as the server serves and no other reload goes on."""
        self._wanted = True

    def want_recycled(self, child: Child) -> None:
        """Replace one that is worn out."""
        if child not in self._worn_out:
            self._worn_out.append(child)
            self._words.say(f"{child} is replaced: {child.said.worn_out}")

    def want_replaced(self, number: int) -> None:
        """Replace one whose threads are used up; the log has said so."""
        self._worn_out += [child for child in self._crew.wanted() if child.number == number]

    def is_newcomer(self, child: Child) -> bool:
        """Whether the reload waits for this worker to become ready."""
        return self._reload is not None and self._reload.newcomer is child

    def step(self, now: float) -> None:
        """Whoever may leave now leaves, and the next newcomer starts."""
        if self._reload is None and self._places.is_serving:
            self._reload = self._next()
        if self._reload is not None:
            self._step(self._reload, now)
        self._places.extra = 1 if self._reload is not None and self._reload.newcomer is not None else 0

    def abandon(self, child: Child, ending: str) -> None:
        """The newcomer did not start: everybody stays."""
        self._words.explain_failure(child, ending)
        self._give_up("reload abandoned: the new code does not start; the running workers go on")

    def drop(self) -> None:
        """Forget the reload that goes on: all workers end for another reason."""
        self._reload = None
        self._places.extra = 0

    def drop_all(self) -> None:
        """Forget the one that waits, too."""
        self.drop()
        self._wanted = False

    def _next(self) -> Reload | None:
        if self._wanted:
            self._wanted = False
            self._places.forget_ends()
            self._words.say("HUP: reloading, one worker at a time")
            self._supervisor.reloading()
            return Reload(self._crew.wanted())
        if self._worn_out:
            leavers, self._worn_out = self._worn_out, []
            return Reload(leavers, done="the worn-out workers are replaced")
        return None

    def _step(self, reload: Reload, now: float) -> None:
        leaver = reload.next_leaver()
        if leaver is not None:
            leaver.stop(now)
        if reload.newcomer is not None:
            return
        if not reload.anyone_left():
            self._reload = None
            self._supervisor.reloaded("serving")
            self._words.say(reload.done)
            return
        reload.newcomer = self._places.start_one()
        if reload.newcomer is None:
            self._give_up("reload abandoned; the running workers go on")

    def _give_up(self, message: str) -> None:
        self.drop()
        self._supervisor.reloaded("serving; the last reload was abandoned")
        self._words.say(message, Level.ERROR)
