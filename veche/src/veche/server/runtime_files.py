"""Where running servers of one user leave what others look for: control sockets, verdicts.

One job: the folder, the names in it, and the rights on them.
Must not know: what is said over a socket, what stands in a file.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

AUTOMATIC: Final = "auto"
NONE: Final = "none"
SOCKET_SUFFIX: Final = ".sock"
VERDICTS_SUFFIX: Final = ".verdicts"


def runtime_folder(*, make: bool = False) -> Path:
    """$XDG_RUNTIME_DIR/veche, /run/user/UID/veche, or veche-UID among the temporary files; nobody else may look in.

    Raises OSError when the folder belongs to somebody else, who may have made it to listen to us.
    """
    own = os.getuid()
    bases = (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{own}")
    base = next((Path(base) for base in bases if base and os.access(base, os.W_OK)), None)
    folder = base / "veche" if base is not None else Path(tempfile.gettempdir()) / f"veche-{own}"
    if make:
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.exists():
        status = folder.lstat()
        if status.st_uid != own or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
            raise PermissionError(f"{folder} is not a folder that only we may enter; remove it, or name other paths")
    return folder


def control_path(setting: str, pid: int) -> Path | None:
    """Where the server with that pid is asked; None when it must not be."""
    if setting == NONE:
        return None
    return runtime_folder(make=True) / f"{pid}{SOCKET_SUFFIX}" if setting == AUTOMATIC else Path(setting)


def verdicts_path(setting: str, first_address: str) -> Path | None:
    """Where the verdicts of the server on that address are kept: the same after a restart. None: nowhere."""
    if setting == NONE:
        return None
    if setting != AUTOMATIC:
        return Path(setting)
    name = "".join(c if c.isalnum() or c in ".-" else "_" for c in first_address)
    return runtime_folder(make=True) / f"{name[-100:]}{VERDICTS_SUFFIX}"


def control_sockets() -> list[Path]:
    """Every control socket in the folder, of servers that have gone, too."""
    return sorted(runtime_folder().glob(f"*{SOCKET_SUFFIX}"))


def verdict_files() -> list[Path]:
    """Every file of verdicts in the folder, the newest first."""
    return sorted(runtime_folder().glob(f"*{VERDICTS_SUFFIX}"), key=lambda file: -file.stat().st_mtime)
