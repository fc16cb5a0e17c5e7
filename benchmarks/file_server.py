"""`python -m benchmarks.file_server NAME PORT`: a folder with one file of 1 MB, served by NAME.

One job: make the folder, and become the server's process.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FILE_OCTETS = 1_000_000
PAGE = b"<p>ready"

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    types {{ text/html html; application/zip zip; }}
    server {{ listen 127.0.0.1:{port} backlog=2048; root {folder}/files; }}
}}
"""


def folder() -> Path:
    """The folder, with index.html and file.zip in files/."""
    made = Path(tempfile.gettempdir()) / f"veche-bench-files-{os.getuid()}"
    files = made / "files"
    files.mkdir(mode=0o755, parents=True, exist_ok=True)
    (files / "index.html").write_bytes(PAGE)
    (files / "file.zip").write_bytes(os.urandom(FILE_OCTETS))
    return made


def nginx(port: str, made: Path) -> list[str]:
    configuration = made / "nginx.conf"
    configuration.write_text(NGINX.format(folder=made, port=port), encoding="utf-8")
    return ["nginx", "-p", str(made), "-c", str(configuration), "-e", "stderr"]


def veche(port: str, made: Path) -> list[str]:
    serve = [sys.executable, "-m", "veche", "serve", "benchmarks.applications:hello_asgi", "--no-access-log"]
    return [*serve, "--workers", "1", "--bind", f"127.0.0.1:{port}", "--static", f"/={made / 'files'}"]


SERVERS: dict[str, Callable[[str, Path], list[str]]] = {"nginx": nginx, "veche": veche}


def main() -> None:
    name, port = sys.argv[1:]
    command = SERVERS[name](port, folder())
    os.environ["PATH"] += ":/usr/sbin"
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
