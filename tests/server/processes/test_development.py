"""`--reload`: the next request waits for the new code, and is answered by a page while that does not start."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.load import get
from fixtures.servers import ServerProcess, wait_until
from fixtures.serving import Peer
from veche.server.processes.development.changes import MOST_FILES, FileWatch

SITE = """\
import time
from words import WORD

time.sleep({pause})


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    body = f"{version} {{WORD}}".encode()
    fields = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({{"type": "http.response.start", "status": 200, "headers": fields}})
    await send({{"type": "http.response.body", "body": body}})
"""


def write(folder: Path, version: int, *, pause: float = 0.0) -> None:
    """All versions are of one second and of one size to Python, which compares no more before it takes old bytecode."""
    hidden = folder / ".next"
    hidden.write_text(SITE.format(version=version, pause=pause))
    os.utime(hidden, (1e9 + version / 10, 1e9 + version / 10))
    hidden.rename(folder / "site_.py")


def save(file: Path, text: str) -> None:
    """At once, as editors do: whoever looks in between would see an empty file, too, and start over twice."""
    hidden = file.with_name(".saved")
    hidden.write_text(text)
    hidden.rename(file)


def wait_for_answer(url: str, words: str) -> tuple[int, str]:
    """The answer that has these words. Somebody who is quicker than a person may be answered by the old code: files are
    looked at again LONGEST_LOOK_PAUSE_SECONDS after the last look."""

    def look() -> tuple[int, str] | None:
        answer = get(url, timeout=60)
        return answer if words in answer[1] else None

    answer = wait_until(look, what=f"an answer with {words!r}")
    assert answer is not None
    return answer


@contextmanager
def developing(folder: Path, *, wait_ready: bool = True) -> Iterator[ServerProcess]:
    env = {"PYTHONDONTWRITEBYTECODE": ""}  # old bytecode is one of the things that could be served
    with ServerProcess("site_:app", "--reload", app_dir=folder, wait_ready=wait_ready, env=env) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, 1)
    (tmp_path / "words.py").write_text("WORD = 'one'")
    return tmp_path


@pytest.mark.process
def test_the_very_next_request_waits_for_the_new_code(folder: Path) -> None:
    with developing(folder) as server:
        for version in range(2, 6):
            assert get(server.url)[1] == f"{version - 1} one"
            time.sleep(0.05)  # a person is slower; looking at the files for each request of a page would be slow
            write(folder, version, pause=0.5)
            assert get(server.url, timeout=60) == (200, f"{version} one")
        server.wait_for_log(r"(?s)(site_\.py changed: starting over.*){4}")


@pytest.mark.process
def test_a_connection_kept_open_does_not_bring_the_old_code_back(folder: Path) -> None:
    with developing(folder) as server:
        with Peer(("127.0.0.1", server.port)) as peer:
            peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert peer.read_response()[1]["connection"] == "close"
        with socket.create_connection(("127.0.0.1", server.port)) as before_it_asks:  # as browsers connect beforehand
            get(server.url)
            write(folder, 2)
            before_it_asks.settimeout(30)
            assert before_it_asks.recv(1) == b""  # closed without an answer: browsers come again


@pytest.mark.process
def test_code_that_does_not_start_is_a_page_with_the_traceback_until_it_is_mended(folder: Path) -> None:
    with developing(folder) as server:
        assert get(server.url)[0] == 200
        save(folder / "words.py", "WORD = ONE <1>")
        status, page = wait_for_answer(f"{server.url}/any/page", "The application does not start")
        assert status == 500
        assert "WORD = ONE &lt;1&gt;" in page
        server.wait_for_log("SyntaxError")
        save(folder / "words.py", "import os; os._exit(9)")  # nor does an end without any words end it
        assert wait_for_answer(server.url, "exited with code 9")[0] == 500
        save(folder / "words.py", "WORD = 'mended'")
        assert wait_for_answer(server.url, "mended") == (200, "1 mended")


@pytest.mark.process
def test_a_server_whose_code_does_not_start_at_first_waits_for_it_to_be_mended(folder: Path) -> None:
    (folder / "words.py").write_text("raise LookupError('nothing yet')")
    with developing(folder, wait_ready=False) as server:
        port = int(server.wait_for_log(r"serving site_:app on http://127.0.0.1:(\d+)")[1])
        assert "nothing yet" in get(f"http://127.0.0.1:{port}")[1]
        save(folder / "words.py", "WORD = 'mended'")
        assert wait_for_answer(f"http://127.0.0.1:{port}", "mended") == (200, "1 mended")


@pytest.mark.process
def test_a_template_is_seen_without_any_request(folder: Path) -> None:
    (folder / "templates").mkdir()
    with developing(folder) as server:
        save(folder / "templates" / "page.html", "<p>")
        server.wait_for_log(r"templates/page.html changed: starting over")
        server.wait_for_log("worker 2 .* is ready")


# -- what is looked at -----------------------------------------------------------------------------------------------


def test_each_file_that_is_changed_made_or_removed_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    first, second = tmp_path / "a.py", tmp_path / "deep" / "b.html"
    first.write_text("1")
    watch = FileWatch(str(tmp_path))
    assert watch.look() == []
    second.write_text("2")
    first.write_text("11")
    assert watch.look() == ["a.py", "deep/b.html"]
    first.unlink()
    assert watch.look() == ["a.py"]
    assert watch.look() == []


@pytest.mark.parametrize(
    "name", [".git/a.py", "__pycache__/a.py", "node_modules/a.js", "env/a.py", "data.sqlite3", "log"]
)
def test_what_is_no_source_is_passed_by(tmp_path: Path, name: str) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    watch = FileWatch(str(tmp_path))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("1")
    assert watch.look() == []


def test_a_loaded_file_elsewhere_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text("1")
    watch = FileWatch(str(tmp_path / "site"))
    watch.watch_too([str(elsewhere)])
    assert watch.look() == []
    elsewhere.write_text("11")
    assert watch.look() == ["../elsewhere.py"]


def test_a_folder_without_end_is_looked_at_within_bounds(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.py").touch()
    os.mkdir(tmp_path / "links")
    os.symlink(tmp_path, tmp_path / "links" / "again")  # a loop: each turn would be 200 files more
    assert len(FileWatch(str(tmp_path))._stamps()) == 200 < MOST_FILES
