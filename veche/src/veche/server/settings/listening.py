"""Where connections are accepted."""

from typing import Annotated

from msgspec import Meta

from veche.server.settings.tls import TlsSettings


class ListeningSettings(TlsSettings, frozen=True, kw_only=True):
    """Addresses and sockets."""

    bind: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="Address to serve on: HOST:PORT, [IPv6]:PORT, *:PORT, unix:PATH, fd://N or systemd:NAME; "
            "with TLS https://HOST:PORT, https+unix:PATH, https+systemd:NAME; behind a PROXY header proxy+http://… or "
            "proxy+https://…. May be given several times.",
        ),
    ] = ("127.0.0.1:8000",)
    socket_permissions: Annotated[
        str,
        Meta(
            pattern="^0?[0-7]{3}$",
            description="Permissions of unix: sockets.",
            extra={"unit": "octal", "expected": "three octal digits, such as 0660"},
        ),
    ] = "0666"
    socket_owner: Annotated[
        str,
        Meta(
            pattern="^([^:]+(:[^:]+)?|:[^:]+)?$",
            extra={"expected": "USER, USER:GROUP, :GROUP or nothing"},
            description="Owner of unix: sockets: USER, USER:GROUP or :GROUP; else whoever starts the server.",
        ),
    ] = ""
    backlog: Annotated[
        int,
        Meta(ge=1, description="Connections the kernel keeps waiting for a worker.", extra={"unit": "connections"}),
    ] = 2048
