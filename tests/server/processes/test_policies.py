"""The pure parts of the master: states, restarts, cores, loading."""

import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.servers import wait_until
from veche.log import Level, Logger
from veche.server.errors import ApplicationError
from veche.server.processes.loading import load_application, one_line, readable_traceback
from veche.server.processes.orders import (
    ASK_FOR_TASKS,
    LINE_LIMIT_OCTETS,
    Failed,
    Orders,
    ReportReader,
    line,
    read_orders,
)
from veche.server.processes.surroundings.cores import usable_cores
from veche.server.processes.words import Words
from veche.server.processes.workers.child import TRANSITIONS, Child, Event, State, WorkerSpec, start_child
from veche.server.processes.workers.crew import Crew
from veche.server.processes.workers.places import Places
from veche.server.processes.workers.restarts import CALM_SECONDS, LONGEST_DELAY_SECONDS, RestartPolicy
from veche.server.scoreboard.layout import PLACES
from veche.server.scoreboard.reader import Scoreboard
from veche.server.settings import ServerSettings
from veche.server.settings.processes import MOST_WORKERS
from veche.server.verdicts.stacks_file import StacksFile
from veche.server.verdicts.verdict import Kind


@pytest.mark.parametrize(("state", "event"), itertools.product(State, Event))
def test_every_state_knows_every_event_that_can_reach_it(state: State, event: Event) -> None:
    impossible = {(State.ENDED, event) for event in Event} | {(State.SERVING, Event.READY)}
    assert ((state, event) in impossible) is (event not in TRANSITIONS[state])


def test_a_stopping_worker_never_serves_again() -> None:
    assert TRANSITIONS[State.STOPPING][Event.READY] is State.STOPPING


def test_the_first_ends_are_mended_at_once_and_the_next_later_and_later_up_to_a_bound() -> None:
    policy = RestartPolicy(workers=2)
    delays = [policy.worker_ended(float(second)) for second in range(14)]
    assert delays[:7] == [0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == LONGEST_DELAY_SECONDS < CALM_SECONDS
    assert policy.wait_seconds(13.0) == LONGEST_DELAY_SECONDS
    assert policy.wait_seconds(100.0) == 0.0


def test_all_workers_may_be_killed_at_once_without_a_delay() -> None:
    policy = RestartPolicy(workers=64)
    assert {policy.worker_ended(0.0) for _ in range(64)} == {0.0}


def test_a_slow_crash_loop_is_not_taken_for_calm_but_a_minute_without_one_is() -> None:
    policy = RestartPolicy(workers=1)
    now = 0.0
    for _ in range(20):
        now += policy.worker_ended(now) + 1.0
    assert policy.worker_ended(now) == LONGEST_DELAY_SECONDS
    assert policy.worker_ended(now + CALM_SECONDS + 1) == 0.0


def test_a_containers_share_of_cores_is_rounded_up_and_never_more_than_there_are(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert usable_cores(quota) == usable  # no such file
    for text, cores in [("max 100000", usable), ("50000 100000", 1), ("99900000 100000", usable)]:
        quota.write_text(text)
        assert usable_cores(quota) == cores


class Told(Words):
    """What would stand in the log."""

    def __init__(self) -> None:
        super().__init__(Logger(), "site:app")
        self.messages: list[tuple[Level, str]] = []

    def say(self, message: str, level: Level = Level.INFO, **fields: object) -> None:
        self.messages.append((level, message))


class NoCrew(Crew):
    """Nobody works here, and nobody can be started."""

    def __init__(self) -> None:
        self.children = []


def test_there_are_never_more_workers_than_the_setting_allows_whatever_cores_or_ttin_say() -> None:
    told = Told()
    assert Places(NoCrew(), (), 10_000, told).wanted == MOST_WORKERS  # cores of a large machine
    places = Places(NoCrew(), (), MOST_WORKERS - 1, told)
    places.scale(MOST_WORKERS)
    assert (places.wanted, told.messages.pop()[0]) == (MOST_WORKERS, Level.INFO)
    places.scale(MOST_WORKERS + 1)
    assert places.wanted == MOST_WORKERS
    assert told.messages == [
        (Level.WARNING, "asked to keep 257 workers; expected at most 256: there are 256 as before")
    ]


def test_in_a_reload_each_worker_has_a_place_beside_its_replacement() -> None:
    assert 2 * MOST_WORKERS <= PLACES


@pytest.mark.parametrize("name", ["", "site", "site:", ":app"])
def test_a_name_without_module_and_attribute_is_refused(name: str) -> None:
    with pytest.raises(ApplicationError, match="write MODULE:ATTRIBUTE"):
        load_application(name, factory=False, app_dir=".")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_attributes_of_attributes_are_found(folder: Path) -> None:
    (folder / "site_deep.py").write_text("class Site:\n    app = 'the application'\n")
    assert load_application("site_deep:Site.app", factory=False, app_dir=str(folder)) == "the application"


def test_the_traceback_of_a_failing_import_begins_with_the_applications_own_code(folder: Path) -> None:
    (folder / "site_broken.py").write_text("1 / 0\n")
    with pytest.raises(ApplicationError, match="importing site_broken failed: ZeroDivisionError") as caught:
        load_application("site_broken:app", factory=False, app_dir=str(folder))
    lines = readable_traceback(caught.value.__cause__).splitlines()
    assert "site_broken.py" in lines[1]
    assert not any("importlib" in text or "loading.py" in text for text in lines)


@pytest.mark.parametrize(("name", "missing"), [("no", "does not exist"), ("file", "is no folder")])
def test_a_folder_of_the_application_that_is_none_is_told(folder: Path, name: str, missing: str) -> None:
    (folder / "file").touch()
    with pytest.raises(ApplicationError) as caught:
        load_application("no_such_module:app", factory=False, app_dir=str(folder / name))
    assert str(caught.value) == (
        f"the folder {folder}/{name} {missing}, and there is no module 'no_such_module' among the installed packages; "
        "name the folder that holds it with --app-dir"
    )


def noted(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


def not_compiled(source: str) -> SyntaxError:
    with pytest.raises(SyntaxError) as caught:
        compile(source, "site.py", "exec")
    return caught.value


class BadlyTold(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("x\ny"), "RuntimeError: x"),
        (RuntimeError("\n\n  x\ny"), "RuntimeError: x"),
        (RuntimeError(), "RuntimeError"),
        (KeyError("x"), "KeyError: 'x'"),
        (BadlyTold("x\ny"), f"{__name__}.BadlyTold: x"),
        (noted(ValueError("x"), "a note"), "ValueError: x"),
        (not_compiled("x = (\n"), "SyntaxError: '(' was never closed"),
    ],
)
def test_an_exception_is_told_in_a_line_by_its_type_and_the_first_line_of_its_text(
    error: BaseException, line: str
) -> None:
    assert one_line(error) == line


def test_the_headline_of_a_failing_import_has_the_type_and_the_first_line(folder: Path) -> None:
    (folder / "site_verbose.py").write_text("raise RuntimeError('x\\ny')\n")
    with pytest.raises(ApplicationError, match=r"^importing site_verbose failed: RuntimeError: x$"):
        load_application("site_verbose:app", factory=False, app_dir=str(folder))


def test_a_module_that_the_application_misses_is_not_taken_for_the_application(folder: Path) -> None:
    (folder / "site_needy.py").write_text("import a_module_nobody_has\n")
    with pytest.raises(ApplicationError, match=r"importing site_needy failed: .*a_module_nobody_has"):
        load_application("site_needy:app", factory=False, app_dir=str(folder))


def test_a_worker_that_cannot_be_started_leaves_neither_its_place_nor_a_descriptor() -> None:
    scoreboard = Scoreboard()
    spec = WorkerSpec("site:app", ServerSettings(), {})
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    unused = unused_descriptors()
    try:
        for left in range(8):  # memory, a file for stacks, two pairs of sockets, Popen's pipe: whichever it fails at
            resource.setrlimit(resource.RLIMIT_NOFILE, (unused[left], limits[1]))
            with pytest.raises(OSError, match="Too many open files"):
                start_child(spec, number=1, listeners=(), scoreboard=scoreboard, now=0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert unused_descriptors() == unused
    assert scoreboard.take_place().number == 0
    scoreboard.close()


def unused_descriptors() -> list[int]:
    return [number for number in range(256) if not os.path.exists(f"/dev/fd/{number}")]


def test_orders_are_read_though_more_was_said_already() -> None:
    master, worker = socket.socketpair()
    orders = Orders(
        number=1,
        application="a:b",
        settings=ServerSettings(),
        listener_descriptors=(),
        listener_manners=(),
        relay_descriptor=1,
        scoreboard_descriptor=2,
        place=0,
        stacks_descriptor=3,
    )
    with master, worker:
        master.sendall(line(orders) + ASK_FOR_TASKS)
        assert read_orders(worker).application == "a:b"


def test_the_last_report_of_a_worker_that_has_ended_is_read_whole() -> None:
    control, workers = socket.socketpair()
    workers.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    workers.settimeout(0)
    workers.send(line(Failed("the reason", "x" * 65_000)) + line(Failed("the last reason", "y" * 65_000)))
    workers.close()
    control.settimeout(0)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    scoreboard = Scoreboard()
    child = Child(1, ended, control, 0.0, place=scoreboard.take_place(), stacks=StacksFile())
    assert not child.read_reports(0.0)
    assert child.said.failure is not None
    assert child.said.failure.reason == "the last reason"
    child.close()
    scoreboard.close()


DOOMED = """
import signal, socket, sys
from veche.server.processes.orders import STACKS_SIGNAL, TaskStacks, line
control = socket.socket(fileno=int(sys.argv[1]))
signal.pthread_sigmask(signal.SIG_BLOCK, {STACKS_SIGNAL})
control.sendall(b"x")
while control.recv(100):
    control.sendall(line(TaskStacks("signalled" if STACKS_SIGNAL in signal.sigpending() else "only asked", -1)))
"""


def test_a_doomed_worker_is_signalled_only_when_its_thread_does_not_answer() -> None:
    control, workers = socket.socketpair()
    with subprocess.Popen(
        [sys.executable, "-c", DOOMED, str(workers.fileno())], pass_fds=[workers.fileno()]
    ) as process:
        assert control.recv(1) == b"x"
        scoreboard = Scoreboard()
        child = Child(1, process, control, 0.0, place=scoreboard.take_place(), stacks=StacksFile())
        child.condemn("it hung", Kind.LOOP_STALLED, now=100.0)
        assert child.doom.insist_at == 101.0
        assert child.doom.kill_at == 102.0
        wait_for_report(child, 100.25)
        assert child.said.task_stacks == "only asked"
        assert child.doom.kill_at == 100.25  # all is told: there is nothing to wait for
        assert child.doom.insist_at == float("inf")
        child.insist()
        control.send(ASK_FOR_TASKS)
        wait_for_report(child, 100.5)
        assert child.said.task_stacks == "signalled"
        child.kill("its stacks are told")
        assert child.doom.signal == signal.SIGKILL
    child.close()
    scoreboard.close()


def wait_for_report(child: Child, now: float) -> None:
    child.said.task_stacks = ""
    child.control.settimeout(0)

    def told() -> bool:
        child.read_reports(now)
        return bool(child.said.task_stacks)

    wait_until(told, what="a report")


def test_a_report_is_cut_and_escaped_until_it_fits_a_line() -> None:
    worst = "\0" * 1_000_000 + "the end\udc80"
    octets = line(Failed(worst, worst))
    assert len(octets) < LINE_LIMIT_OCTETS
    (failed,) = ReportReader().feed(octets)
    assert isinstance(failed, Failed)
    assert failed.traceback.endswith("the end\\udc80")
    assert "characters are left out here" in failed.traceback
