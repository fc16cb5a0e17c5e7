"""The master and its workers as real processes: replacement, drain, reload, scaling, failures that are explained."""

import gc
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.load import Load, get, get_over_unix
from fixtures.servers import RunningCommand, ServerProcess, gone, wait_until

pytestmark = pytest.mark.process
HERE = Path(__file__).parent


def serve(
    name: str = "app",
    *options: str,
    workers: int = 1,
    bind: tuple[str, ...] = ("127.0.0.1:0",),
    env: dict[str, str] | None = None,
    wait_ready: bool = True,
) -> ServerProcess:
    return ServerProcess(
        f"applications:{name}",
        *options,
        workers=workers,
        bind=bind,
        app_dir=HERE,
        env=env,
        wait_ready=wait_ready,
    )


# -- a worker dies ---------------------------------------------------------------------------------------------------


def test_a_killed_worker_is_replaced_at_once_and_only_its_own_connections_notice() -> None:
    with serve(workers=2) as server, Load(server.port) as load:
        wait_until(lambda: len(load.texts) == 2, what="answers of both workers")
        victim, other = server.worker_pids()
        of_other = load.texts[str(other)]
        os.kill(victim, signal.SIGKILL)
        server.wait_for_log("worker 3 .* is ready")
        wait_until(lambda: load.texts[str(other)] > of_other + 50, what="more answers of the survivor")
        newcomer = server.worker_pids()[-1]
        wait_until(lambda: load.texts[str(newcomer)] > 50, what="answers of the replacement")
    assert sum(load.lost().values()) <= 4, load.outcomes  # at most what each of the four connections had in flight
    assert f"(pid {victim}) killed by signal 9 (SIGKILL); not by us" in server.log_text()
    assert "replacing it at once" in server.log_text()


def test_a_worker_that_exits_by_itself_is_named_with_its_exit_code() -> None:
    with serve() as server:
        with pytest.raises(OSError):
            get(f"{server.url}/exit")
        server.wait_for_log(r"worker 1 \(pid \d+\) exited with code 7; replacing it at once")
        assert get(server.url)[0] == 200


def test_a_worker_that_aborts_in_c_code_leaves_its_stack() -> None:
    with serve() as server:
        with pytest.raises(OSError):
            get(f"{server.url}/abort")
        server.wait_for_log(
            r'(?s)killed by signal 6 \(SIGABRT\); not by us.*File "[^"\n]*applications.py", line \d+ in app'
        )


def test_workers_that_end_again_and_again_are_started_later_and_later_and_it_is_said() -> None:
    with serve() as server:
        for number in range(1, 5):
            server.wait_for_log(f"worker {number} .* is ready")
            os.kill(server.worker_pids()[-1], signal.SIGKILL)
        server.wait_for_log(
            r"workers end again and again: 4 in \d+ s. The next one starts in 0.5 s; mend the application"
        )
        server.wait_for_log("worker 5 .* is ready")
        assert get(server.url)[0] == 200


def test_hup_ends_the_waiting_of_a_crash_loop(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with serve("fails_when_told", env={"FAIL_FILE": str(broken)}) as server:
        broken.touch()
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for_log("The next one starts in 8 s", seconds=60)
        broken.unlink()
        server.signal(signal.SIGHUP)
        # Less than it would have waited, and time enough for a start on a machine that stalls.
        server.wait_for_log(r"worker \d+ .* is ready\n(.*\n)*.*worker \d+ .* is ready", seconds=7)
        assert get(server.url)[0] == 200


# -- stopping --------------------------------------------------------------------------------------------------------


def in_thread(question: Callable[[], tuple[int, str]]) -> tuple[threading.Thread, list[tuple[int, str]]]:
    answers: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: answers.append(question()))
    thread.start()
    return thread, answers


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        pass  # it came in the very moment in which the doors were closed
    return False


def test_term_answers_what_is_in_flight_refuses_newcomers_and_exits_with_0(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    with serve(workers=2) as server:
        port = server.port
        thread, answers = in_thread(lambda: get(f"{server.url}/held?while={held}", timeout=60))
        server.wait_for_log("a held request began")
        server.signal(signal.SIGTERM)
        wait_until(lambda: refused(port), what="newcomers refused")
        assert not answers  # precondition: it was still in flight when the doors were closed
        held.unlink()
        thread.join()
        assert answers[0][0] == 200
        assert server.wait() == 0
        assert server.log_text().count("lifespan of") == 2
        assert "Traceback" not in server.log_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_who_comes_while_a_worker_that_was_told_to_end_is_blocked_is_served_once_it_turns(
    workers: int, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.touch()
    with serve(workers=workers) as server:
        url, port = server.url, server.port
        thread, answers = in_thread(lambda: get(f"{url}/blocked?while={held}", timeout=60))
        server.wait_for_log("the loop is blocked")
        server.signal(signal.SIGTERM)
        wait_until(lambda: len(server.worker_pids()) == 1, what="the others ended")
        server.wait_for_log("SIGTERM: stopping")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as newcomer:
            newcomer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not answers  # precondition: it was still blocked
            held.unlink()
            assert newcomer.recv(1000).startswith(b"HTTP/1.1 200 ")
        thread.join()
        assert answers[0][0] == 200
        assert server.wait() == 0
        assert refused(port)


@pytest.mark.skipif(sys.platform != "linux", reason="on other kernels whoever holds a socket keeps it listening")
def test_at_the_end_newcomers_are_refused_though_a_program_of_the_application_has_kept_the_sockets() -> None:
    with serve("keeps_the_sockets", workers=2) as server:
        port = server.port
        said = server.wait_for_log(r"(?s)kept by (\d+)\n.*kept by (\d+)\n")
        keepers = [int(pid) for pid in said.groups()]
        try:
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            assert not any(gone(pid) for pid in keepers)  # precondition
            assert refused(port)
        finally:
            for pid in keepers:
                os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="on other kernels whoever holds a socket keeps it listening")
def test_a_worker_that_alone_ends_leaves_the_sockets_as_they_are() -> None:
    with serve() as server:
        for number, end in enumerate(("HUP", "TERM to the worker"), start=2):
            (before,) = server.worker_pids()
            if end == "HUP":
                server.signal(signal.SIGHUP)
            else:
                os.kill(before, signal.SIGTERM)
            server.wait_for_log(f"worker {number} .* is ready")
            wait_until(lambda: gone(before), what="the old worker gone")  # noqa: B023  called here only
            assert get(server.url)[0] == 200


def test_term_under_load_answers_every_connection_that_was_made() -> None:
    with serve(workers=2) as server, Load(server.port, fresh=4) as load:
        wait_until(lambda: load.answered > 200, what="load")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    lost = {error: count for error, count in load.lost().items() if "ConnectionRefusedError" not in error}
    assert lost == {}
    assert load.outcomes["closed between requests"] == 0  # each kept-alive one was told with its last answer


def test_ctrl_c_reaches_the_whole_group_and_ends_cleanly() -> None:
    with serve(workers=2) as server:
        pids = server.worker_pids()
        server.signal_group(signal.SIGINT)
        assert server.wait() == 0
        assert all(gone(pid) for pid in pids)
        assert "Traceback" not in server.log_text()
        assert "KeyboardInterrupt" not in server.log_text()
        assert "SIGINT: stopping" in server.log_text()
        assert server.log_text().count("lifespan of") == 2


def test_ctrl_c_while_the_workers_still_start_ends_cleanly() -> None:
    with serve("starts_for_ever", workers=2, wait_ready=False) as server:
        wait_until(lambda: len(server.worker_pids()) == 2, what="two workers")
        server.signal_group(signal.SIGINT)
        assert server.wait() == 0
        assert "Traceback" not in server.log_text()


def test_a_second_signal_cuts_what_is_in_flight() -> None:
    with serve() as server:
        thread, _ = in_thread(lambda: raising(f"{server.url}/slow?seconds=60"))
        server.wait_for_log("a slow request began")
        server.signal(signal.SIGTERM)
        server.wait_for_log("SIGTERM: stopping; requests in flight have 30 s")

        def hurries() -> bool:  # at once after the first it would be taken for the same one, heard twice
            hurries = "hurrying" in server.log_text()
            if not hurries:
                server.signal(signal.SIGTERM)
            return hurries

        wait_until(hurries, what="the second one heard", every_seconds=0.3)
        assert server.wait(seconds=20) == 0  # less than 30
        thread.join()
        assert "hurrying" in server.log_text()


def raising(url: str) -> tuple[int, str]:
    try:
        return get(url, timeout=60)
    except OSError as error:
        return 0, repr(error)


def test_the_drain_ends_at_its_deadline() -> None:
    with serve("app", "--drain-seconds", "0.3") as server:
        thread, _ = in_thread(lambda: raising(f"{server.url}/slow?seconds=60"))
        server.wait_for_log("a slow request began")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        thread.join()
        assert "killed by" not in server.log_text()  # it kept the deadline itself


def test_a_worker_that_cannot_stop_is_killed_and_that_is_said() -> None:
    with serve("app", "--drain-seconds", "0.1") as server:
        thread, _ = in_thread(lambda: raising(f"{server.url}/spin?seconds=60"))
        server.wait_for_log("the loop is blocked")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        thread.join()
        assert "killed by signal 9 (SIGKILL) by us: it did not end in time" in server.log_text()


def test_workers_end_when_the_master_is_killed() -> None:
    with serve(workers=2) as server:
        pids, port = server.worker_pids(), server.port
        assert len(pids) == 2
        server.signal(signal.SIGKILL)
        server.wait()
        wait_until(lambda: all(gone(pid) for pid in pids), what="both workers gone")
        assert refused(port)
        assert server.log_text().count("the master has gone; draining") == 2
        assert server.log_text().count("lifespan of") == 2


# -- reloading and scaling -------------------------------------------------------------------------------------------


def test_hup_under_load_replaces_every_worker_and_loses_nothing() -> None:
    with serve(workers=2) as server:
        before = server.worker_pids()
        with Load(server.port) as load:
            wait_until(lambda: load.answered > 100, what="load")
            server.signal(signal.SIGHUP)
            server.wait_for_log("INFO reloaded")
            wait_until(lambda: all(gone(pid) for pid in before), what="the old workers gone")
            count = load.answered
            wait_until(lambda: load.answered > count + 100, what="load on the new workers")
        assert load.lost() == {}
        assert set(server.worker_pids()).isdisjoint(before)
        assert len(server.worker_pids()) == 2


def test_a_reload_to_code_that_does_not_start_is_abandoned_with_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    with serve("fails_when_told", workers=2, env={"FAIL_FILE": str(broken)}) as server:
        before = server.worker_pids()
        broken.touch()
        server.signal(signal.SIGHUP)
        server.wait_for_log("reload abandoned: the new code does not start")
        assert "the new code is broken" in server.log_text()
        assert server.worker_pids() == before
        assert get(server.url)[0] == 200
        broken.unlink()
        server.signal(signal.SIGHUP)  # and the next one is not spoilt by it
        server.wait_for_log("INFO reloaded")
        wait_until(lambda: set(server.worker_pids()).isdisjoint(before), what="the old workers gone")


def test_ttin_and_ttou_change_the_number_of_workers() -> None:
    with serve() as server:
        server.signal(signal.SIGTTIN)
        server.wait_for_log("worker 2 .* is ready")
        assert len(server.worker_pids()) == 2
        server.signal(signal.SIGTTOU)
        wait_until(lambda: len(server.worker_pids()) == 1, what="one worker")
        server.signal(signal.SIGTTOU)  # never below one
        server.wait_for_log("(?s)keep 1 worker.*keep 1 worker")
        assert get(server.url)[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTTOU, signal.SIGTTIN])
def test_a_reload_is_ended_though_the_number_of_workers_changes_meanwhile(
    tmp_path: Path, number: signal.Signals
) -> None:
    waits = tmp_path / "waits"
    with serve("starts_when_told", workers=2, env={"WAIT_FILE": str(waits)}) as server:
        before = server.worker_pids()
        waits.touch()
        server.signal(signal.SIGHUP)
        wait_until(lambda: len(server.worker_pids()) == 3, what="the newcomer")
        server.signal(number)
        wanted = 1 if number is signal.SIGTTOU else 3
        server.wait_for_log(f"asked to keep {wanted} worker")
        wait_until(lambda: len(server.worker_pids()) == wanted + 1, what="one less or more, and the newcomer")
        assert get(server.url)[0] == 200  # somebody of the old ones still serves
        waits.unlink()
        server.wait_for_log("INFO reloaded")
        wait_until(lambda: len(server.worker_pids()) == wanted, what="as many as are wanted")
        assert set(server.worker_pids()).isdisjoint(before)


def test_during_a_stop_nobody_is_told_that_workers_are_kept(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    with serve() as server:
        thread, _ = in_thread(lambda: raising(f"{server.url}/held?while={held}"))
        server.wait_for_log("a held request began")
        server.signal(signal.SIGTERM)
        server.wait_for_log("SIGTERM: stopping")
        for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1):
            server.signal(number)
        server.wait_for_log("USR1: there is nothing to do")  # so the others were read too
        held.unlink()
        thread.join()
        assert server.wait() == 0
        assert "asked to keep" not in server.log_text()


def test_quit_ends_the_server_at_once_whatever_is_in_flight() -> None:
    with serve("app", "--drain-seconds", "60", workers=2) as server:
        thread, _ = in_thread(lambda: raising(f"{server.url}/slow?seconds=60"))
        server.wait_for_log("a slow request began")
        server.signal(signal.SIGQUIT)
        assert server.wait() == 0
        thread.join()
        assert "INFO SIGQUIT: stopping\n" in server.log_text()


def test_the_application_is_never_loaded_in_the_master() -> None:  # whatever it does cannot hang or hurt it
    with serve(workers=2, env={"TELL_IMPORTS": "1"}) as server:
        server.signal(signal.SIGHUP)
        server.wait_for_log("INFO reloaded")
        loaded = [int(pid) for pid in re.findall(r"the application is loaded in (\d+)", server.log_text())]
        assert len(loaded) == len(set(loaded)) == 4
        assert server.pid not in loaded


# -- the application does not start ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message", "traceback"),
    [
        ("refuses", "the application failed to start: the database is away", ""),
        (
            "raises",
            "the application failed to start: RuntimeError: startup broke",
            'raise RuntimeError("startup broke")',
        ),
        ("ap", "there is no 'ap' in it; did you mean 'app'?", ""),
    ],
)
def test_an_application_that_does_not_start_is_explained_once_and_ends_with_3(
    name: str, message: str, traceback: str
) -> None:
    with serve(name, workers=2, wait_ready=False) as server:
        assert server.wait() == 3
        assert server.log_text().count(message) == 1, server.log_text()
        assert traceback in server.log_text()
        assert ("Traceback" in server.log_text()) is bool(traceback)


def test_a_module_whose_name_python_has_taken_is_explained(tmp_path: Path) -> None:
    (tmp_path / "site.py").write_text("app = None\n")
    with ServerProcess("site:app", app_dir=tmp_path, wait_ready=False) as server:
        assert server.wait() == 3
        assert "no 'app' in it; Python's own 'site' has that name already; give your file another" in server.log_text()


def test_a_failing_factory_is_explained() -> None:
    with serve("broken_factory", "--factory", wait_ready=False) as server:
        assert server.wait() == 3
        assert "factory applications:broken_factory failed: LookupError: no settings file" in server.log_text()


def test_a_factory_is_called_when_the_option_says_so() -> None:
    with serve("create", "--factory") as server:
        assert get(server.url)[0] == 200


def test_a_module_that_exits_at_import_is_explained() -> None:
    with serve(env={"EXIT_AT_IMPORT": "1"}, wait_ready=False) as server:
        assert server.wait() == 3
        assert "importing applications failed: SystemExit: not today" in server.log_text()


def test_a_module_that_is_not_there_is_explained() -> None:
    with ServerProcess("no_such_module:app", app_dir=HERE, wait_ready=False) as server:
        assert server.wait() == 3
        assert f"there is no module 'no_such_module' in {HERE}" in server.log_text()
        assert "Traceback" not in server.log_text()


def test_an_application_that_never_becomes_ready_is_ended_at_the_deadline() -> None:
    with serve("starts_for_ever", "--startup-seconds", "0.5", wait_ready=False) as server:
        assert server.wait() == 3
        assert "by us: it was not ready within startup_seconds (0.5 s)" in server.log_text()


def test_a_start_without_descriptors_for_every_worker_is_explained_and_ends_with_1() -> None:
    # Each worker costs the master three: the first ones start, a later one does not.
    command = ["-m", "veche", "serve", "applications:app", "--workers", "3", "--bind", "127.0.0.1:0"]
    limited = ["sh", "-c", 'ulimit -n 22; exec "$0" "$@"', sys.executable, *command]
    with RunningCommand(limited, ready=None, cwd=HERE) as server:
        assert server.wait() == 1
        with pytest.raises(ProcessLookupError):  # its workers were of its group
            os.killpg(server.pid, 0)
        (entry,) = server.log_text().splitlines()
    assert re.fullmatch(
        r"Error: worker [23] of 3 workers cannot be started: Too many open files; "
        r"raise the limit of open files \(`ulimit -n`, now 22\), or ask for fewer --workers",
        entry,
    )


def test_an_address_in_use_is_explained_and_ends_with_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with serve(bind=(f"127.0.0.1:{port}",), wait_ready=False) as server:
            assert server.wait() == 1
            assert f"cannot listen on http://127.0.0.1:{port}: address in use" in server.log_text()
            assert "Traceback" not in server.log_text()


# -- where and how it serves -----------------------------------------------------------------------------------------


def test_several_addresses_are_served_at_once(tmp_path: Path) -> None:
    with serve(bind=("127.0.0.1:0", f"unix:{tmp_path}/s", "127.0.0.1:0"), workers=2) as server:
        first, unix, second = server.addresses
        assert first != second
        assert get(first)[0] == get(second)[0] == get_over_unix(unix.removeprefix("unix:"))[0] == 200
    assert not (tmp_path / "s").exists()


def test_an_inherited_descriptor_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = ServerProcess("applications:app", app_dir=HERE, bind=(f"fd://{number}",), pass_fds=[number])
        with command as server:
            assert server.port == listener.getsockname()[1]
            assert get(server.url)[0] == 200
        socket.create_connection(listener.getsockname(), timeout=20).close()  # it is somebody else's, too: it goes on


@pytest.mark.parametrize("name", ["app", "wsgi"])
def test_a_silent_connection_never_delays_another_request(name: str) -> None:  # gunicorn's WORKER TIMEOUT, facts §2.1
    with serve(name) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        partly = socket.create_connection(("127.0.0.1", server.port))
        partly.sendall(b"GET / HTT")
        for _ in range(20):
            assert get(server.url, timeout=8)[0] == 200  # the silent ones are let go after 10 s
        for connection in [*silent, partly]:
            connection.close()


@pytest.mark.parametrize(("loop", "module"), [("auto", "uvloop"), ("uvloop", "uvloop"), ("asyncio", "asyncio")])
def test_the_loop_is_the_one_of_the_setting(loop: str, module: str) -> None:
    with serve("app", "--loop", loop) as server:
        assert get(f"{server.url}/loop")[1].startswith(module)


def test_the_interface_of_the_setting_wins_over_what_the_signature_says() -> None:
    with serve("either", "--interface", "asgi") as server:
        assert get(server.url)[0] == 200


def test_requests_are_logged_unless_the_option_says_no() -> None:
    with serve() as talking, serve("app", "--no-access-log") as silent:
        for server in (talking, silent):
            assert get(f"{server.url}/some/path?q=1")[0] == 200
        talking.wait_for_log(r"GET.*/some/path")
        assert silent.stop() == 0
        assert "/some/path" not in silent.log_text()


def test_the_application_is_looked_for_in_app_dir(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text((HERE / "applications.py").read_text())
    with ServerProcess("elsewhere:app", "--app-dir", str(tmp_path), app_dir=HERE) as server:
        assert get(server.url)[0] == 200


def test_the_collector_leaves_what_was_loaded_alone_and_works_as_usual_on_what_requests_make() -> None:
    with serve() as server:
        threshold, frozen = get(f"{server.url}/collector")[1].rsplit(" ", 1)
        assert threshold == str(gc.get_threshold())
        assert int(frozen) > 10_000


def test_a_worker_finds_its_number_and_the_relay_in_its_environment() -> None:
    with serve() as server:
        assert get(f"{server.url}/environ?name=VECHE_WORKER_NUMBER")[1] == "1"
        assert int(get(f"{server.url}/environ?name=VECHE_RELAY_FD")[1]) > 2


def can_unshare() -> bool:
    try:
        return subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_unshare(), reason="a process 1 of its own needs unshare(1) and the right to use it")
def test_as_process_1_of_a_container_the_master_reaps_orphans() -> None:
    command = [sys.executable, "-m", "veche", "serve", "applications:app", "--bind", "127.0.0.1:0", "--workers", "1"]
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command]
    with RunningCommand(inside, ready=r"serving \S+ on (\S+) with", cwd=HERE) as container:
        assert container.ready_match is not None
        (master,) = container.child_pids()
        assert get(f"{container.ready_match[1]}/orphan")[0] == 200
        wait_until(lambda: "the orphan ends" in container.log_text(), what="the orphan's last words")
        wait_until(lambda: len(all_children(master)) == 1, what="only the worker left, no zombie beside it")
        assert "worker" not in container.log_text().partition("the orphan ends")[2]
        os.kill(master, signal.SIGTERM)
        assert container.wait() == 0


def all_children(pid: int) -> list[str]:
    """Zombies included."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss (iproute2) tells the length of a socket's queue")
def test_the_kernel_keeps_as_many_waiting_as_the_backlog_says() -> None:
    with serve("app", "--backlog", "77") as server:
        listing = subprocess.run(
            ["ss", "-ltnH", f"sport = :{server.port}"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    assert listing.split()[:3] == ["LISTEN", "0", "77"]  # of a listening socket, Send-Q is its backlog


def test_a_unix_socket_has_the_permissions_that_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serve("app", "--socket-permissions", "0620", bind=("127.0.0.1:0", f"unix:{path}")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o620


def other_group() -> str:
    """One that we may give a file to, and that new files do not have by themselves."""
    if os.geteuid() == 0:
        return grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
    names = [grp.getgrgid(number).gr_name for number in os.getgroups() if number != os.getegid()]
    if not names:
        pytest.skip("this user has one group only, and may give its files to no other")
    return names[0]


def test_a_unix_socket_has_the_owner_that_was_asked_for(tmp_path: Path) -> None:
    path, group = tmp_path / "s", other_group()
    user = "nobody" if os.geteuid() == 0 else ""
    with serve("app", "--socket-owner", f"{user}:{group}", bind=("127.0.0.1:0", f"unix:{path}")):
        found = path.stat()
    assert found.st_gid == grp.getgrnam(group).gr_gid != os.getegid()
    assert found.st_uid == (pwd.getpwnam(user).pw_uid if user else os.geteuid())
