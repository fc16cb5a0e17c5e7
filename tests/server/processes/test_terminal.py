"""The server started by a person in a terminal: Ctrl-C, and the window closed."""

import os
import sys
from pathlib import Path

import pytest

from fixtures.servers import wait_until
from fixtures.terminal import in_terminal

pytestmark = pytest.mark.process
HERE = Path(__file__).parent
SERVE = [sys.executable, "-m", "veche", "serve", "applications:app", "--bind", "127.0.0.1:0", "--workers", "2"]


def test_ctrl_c_in_a_terminal_ends_with_0_and_without_a_traceback() -> None:
    with in_terminal(SERVE, cwd=HERE) as terminal:
        terminal.read_until("worker 2 ")
        terminal.press_ctrl_c()
        assert terminal.exit_code() == 0
        assert "Ctrl-C again hurries" in terminal.shown
        assert "Traceback" not in terminal.shown


def test_closing_the_terminals_window_stops_the_server_instead_of_reloading_it() -> None:
    with in_terminal(SERVE, cwd=HERE) as terminal:
        terminal.read_until("is ready")
        terminal.close_window()
        assert terminal.exit_code() == 0


def test_under_nohup_the_server_outlives_its_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    started = f"cd {HERE}; trap '' HUP; exec {' '.join(SERVE)} >{log} 2>&1 </dev/null"
    with in_terminal(["/bin/sh", "-c", started]) as terminal:
        wait_until(lambda: log.exists() and "INFO serving" in log.read_text(), what="the server")
        terminal.close_window()
        wait_until(lambda: "HUP: reloading" in log.read_text(), what="HUP taken for a reload, not for the end")
        wait_until(lambda: "INFO reloaded" in log.read_text(), what="the reload")
        os.kill(terminal.pid, 0)  # it is still there
