"""The folder that the server was started in, by the name it was called.

One job: `current` stays `current` when a deployment moves that symbolic link: what is started later finds the new code.
Must not know: what is started.
"""

import os


def start_folder() -> str | None:
    """The shell's name of this folder, when it goes through symbolic links; None when there is only one name for it.

    Call it at the start, before anybody moves the link.
    """
    name = os.environ.get("PWD", "")
    try:
        if os.path.isabs(name) and name != os.path.realpath(name) and os.path.samefile(name, os.curdir):
            return name
    except OSError:
        pass
    return None
