"""`campus import DIR`, as a process: what it prints, its exit codes, and what a killed one leaves behind."""

import asyncio
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from veche.data import open_database

BOOKS = Path(__file__).parents[2] / "fixtures" / "courses"


def command(folder: Path, data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "campus", "import", str(folder), "--data-directory", str(data), *more]


def run(folder: Path, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, data, *more), capture_output=True, text=True, timeout=60, check=False)


def count_courses(data: Path) -> int:
    async def count() -> int:
        database = open_database(f"sqlite:///{data / 'campus.sqlite3'}")
        try:
            rows = database.execute_query("SELECT count(*) FROM course", ())
            return int(rows[0][0])
        finally:
            await database.close()

    return asyncio.run(count())


def test_the_command_says_where_the_course_is_and_lists_every_gap_by_file(tmp_path: Path) -> None:
    done = run(BOOKS / "bread", tmp_path, "--address", "https://campus.example")
    assert done.returncode == 0, done.stderr
    assert "https://campus.example/courses/bread" in done.stdout
    assert "7 created, 0 updated, 0 unchanged, 0 archived" in done.stdout
    assert "src/heat.md:16: src/img/none.png (the file is not in the source)" in done.stdout
    assert done.stdout.count("\nsrc/heat.md\n") == 1
    assert done.stderr.splitlines() == ["Reading the lessons: 6/6", "Keeping pictures and files: 3/3"], (
        "one line each where no terminal is"
    )
    again = run(BOOKS / "bread", tmp_path)
    assert "0 created, 0 updated, 7 unchanged, 0 archived" in again.stdout


def test_a_single_gap_is_one_thing(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "SUMMARY.md").write_text("- [A](a.md)\n", encoding="utf-8")
    (folder / "a.md").write_text("[b](b.pdf)\n", encoding="utf-8")
    done = run(folder, tmp_path / "var")
    assert (
        "The source refers to 1 thing that it does not hold, by file and line:\n\na.md\n  a.md:1: b.pdf" in done.stdout
    )


def test_a_structure_that_cannot_be_read_is_refused_with_file_and_line(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "SUMMARY.md").write_text("# Broken\n\n- [Out](../../out.md)\n", encoding="utf-8")
    done = run(folder, tmp_path / "var")
    assert done.returncode == 1
    assert done.stderr.startswith("src/SUMMARY.md:3: "), done.stderr
    assert not (tmp_path / "var" / "campus.sqlite3").exists()


def test_nobody_of_this_name_can_teach(tmp_path: Path) -> None:
    done = run(BOOKS / "bread", tmp_path, "--teacher", "nobody")
    assert done.returncode == 1
    assert "nobody here has the account name 'nobody'" in done.stderr
    assert count_courses(tmp_path) == 0


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command(BOOKS / "bread", tmp_path), stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # Linux says EIO when the other side has closed
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    assert process.wait(30) == 0
    assert "━".encode() in drawn
    assert b"6/6" in drawn


def test_a_killed_import_leaves_nothing_half_imported(tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(BOOKS / "bread", tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Keeping pictures and files"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait(30)
    process.stderr.close()
    before = count_courses(tmp_path)
    assert before in (0, 1), "the whole of it or nothing"
    done = run(BOOKS / "bread", tmp_path)
    assert done.returncode == 0
    assert ("7 created" if before == 0 else "7 unchanged") in done.stdout
