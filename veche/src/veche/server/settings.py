"""Every setting of the server, once: name, type, bounds, default, unit and meaning.

One job: be the single definition from which the options of `veche serve`, the VECHE_* variables and the table in
docs/server.md are generated. A setting exists only with a caller and a test that fails when it is ignored.
Must not know: command lines, documents, sockets.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from veche.server.limits import ConnectionLimits

Interface: TypeAlias = Literal["auto", "asgi", "wsgi"]
LoopName: TypeAlias = Literal["auto", "uvloop", "asyncio"]


class ServerSettings(ConnectionLimits, frozen=True, kw_only=True):
    """What an operator may choose; the defaults serve one machine without a proxy in front."""

    # where
    bind: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="Address to serve on: HOST:PORT, [IPv6]:PORT, unix:PATH or fd://N. May be given several times.",
        ),
    ] = ("127.0.0.1:8000",)
    socket_permissions: Annotated[
        str, Meta(pattern="^0?[0-7]{3}$", description="Permissions of unix: sockets.", extra={"unit": "octal"})
    ] = "0666"
    backlog: Annotated[
        int,
        Meta(ge=1, description="Connections the kernel keeps waiting for a worker.", extra={"unit": "connections"}),
    ] = 2048

    # what
    interface: Annotated[Interface, Meta(description="What the application speaks; auto looks at its signature.")] = (
        "auto"
    )
    factory: Annotated[
        bool, Meta(description="The named attribute is a function without arguments that returns the application.")
    ] = False
    app_dir: Annotated[
        str, Meta(description="Folder put first on the import path: the application's module is looked up there.")
    ] = "."

    # with what
    workers: Annotated[
        int, Meta(ge=0, description="Worker processes; 0 is one per usable core.", extra={"unit": "processes"})
    ] = 0
    loop: Annotated[
        LoopName, Meta(description="Event loop of the workers; auto takes uvloop where it can be imported.")
    ] = "auto"
    startup_seconds: Annotated[
        float,
        Meta(gt=0, description="A worker that is not ready by then is ended and explained.", extra={"unit": "seconds"}),
    ] = 120.0
    drain_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="Stopping and reloading wait this long for requests in flight to end.",
            extra={"unit": "seconds"},
        ),
    ] = 30.0

    # what is written down
    access_log: Annotated[bool, Meta(description="Log one line for each request.")] = True
