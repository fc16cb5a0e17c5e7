"""The file into which a worker's C handlers write stacks: memory that both have, so that writing never blocks.

One job: that file, and its text.
Must not know: signals, who writes.
"""

import os
import tempfile
from contextlib import suppress
from typing import Final

READ_LIMIT_OCTETS: Final = 65536


class StacksFile:
    """It has no name, and outlives the worker that wrote it."""

    def __init__(self) -> None:
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("veche-stacks")
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())

    def text(self) -> str:
        """What was written, its beginning when it is long; empty after close()."""
        try:
            return os.pread(self.descriptor, READ_LIMIT_OCTETS, 0).decode("utf-8", "replace")
        except OSError:
            return ""

    def close(self) -> None:
        """Give the descriptor back."""
        if self.descriptor >= 0:
            with suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = -1
