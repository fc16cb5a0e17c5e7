"""The file that --access-log-file names.

One job: open it, or say in words why it cannot be.
Must not know: what is written into it, who asks: the master before a start, and then each worker.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from veche.log import NamedFile
from veche.server.errors import ServerError


def open_access_log_file(name: str) -> NamedFile:
    """Return the file, made if need be. Raises ServerError."""
    # Absolute: it is opened again after a rotation, and the application may have changed the folder by then.
    file = Path(name).absolute()
    try:
        return NamedFile(file)
    except OSError as error:
        raise ServerError(
            f"--access-log-file (VECHE_ACCESS_LOG_FILE): {name} cannot be opened: {_why_not(file, error)}"
        ) from None


def check_access_log_file(name: str) -> None:
    """Raise ServerError if it cannot be opened."""
    with suppress(OSError):  # opening says why
        if stat.S_ISFIFO(os.stat(name).st_mode):
            return  # opening would wait for a reader
    open_access_log_file(name).close()


def _why_not(file: Path, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"the folder {file.parent} does not exist; make it, or name another file"
    if error.errno == errno.EISDIR:
        return "it is a folder; name a file in it"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"user {os.geteuid()} may not write it; give that user the right, or name another file"
    return f"{error.strerror}; name a file that can be written"
