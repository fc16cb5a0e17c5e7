"""How many processes there are, and how long they are waited for."""

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from veche.server.settings.recycling import RecyclingSettings

# Half of the scoreboard's places: in a reload each worker may drain for a while beside its replacement.
# What a slip of the finger asks for (100000) would take the whole machine.
MOST_WORKERS: Final = 256

LoopName: TypeAlias = Literal["auto", "uvloop", "asyncio"]


class ProcessSettings(RecyclingSettings, frozen=True, kw_only=True):
    """Workers, from their start to their end."""

    workers: Annotated[
        int,
        Meta(
            ge=0,
            le=MOST_WORKERS,
            description=f"Worker processes, at most {MOST_WORKERS}; 0 is one per usable core.",
            extra={"unit": "processes"},
        ),
    ] = 0
    loop: Annotated[
        LoopName, Meta(description="Event loop of the workers; auto takes uvloop where it can be imported.")
    ] = "auto"
    startup_seconds: Annotated[
        float,
        Meta(gt=0, description="A worker that is not ready by then is ended and explained.", extra={"unit": "seconds"}),
    ] = 120.0
    reload: Annotated[
        bool,
        Meta(
            description="For development: start over when a file below app_dir, or a loaded one, changes; requests "
            "wait for the new code, and a page with the traceback answers while it does not start. One worker, unless "
            "workers says otherwise."
        ),
    ] = False
    pid_file: Annotated[
        str, Meta(description="File that holds the master's process id while it serves; empty is none.")
    ] = ""
    drain_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="Stopping and reloading wait this long for requests in flight to end.",
            extra={"unit": "seconds"},
        ),
    ] = 30.0
