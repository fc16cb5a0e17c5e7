"""`veche status` and `veche doctor`: which server is meant, and what is printed.

One job: choose, ask, print.
Must not know: how anything is found out (veche.server.inspection), how it reads (telling.py).
"""

from pathlib import Path

import click
import msgspec

from veche.cli.telling import doctor_text, status_text
from veche.server import ServerError
from veche.server.inspection import ServerStatus, Verdict, ask, kept_verdicts, read_verdicts, running_servers


def show_status(*, pid: int | None, socket: Path | None, as_json: bool) -> None:
    """Print what one server does now."""
    server = _the_server(pid, socket)
    if server is None:
        raise click.ClickException("no server of this user is running (or it was started with --control-socket none)")
    click.echo(msgspec.json.encode(server) if as_json else status_text(server), nl=as_json)


def show_doctor(*, pid: int | None, socket: Path | None, file: Path | None, as_json: bool, whole: bool) -> None:
    """Print what went wrong last, told by the server, or by what it left when it has gone."""
    server = None if file is not None else _the_server(pid, socket)
    verdicts: list[Verdict]
    if server is not None:
        verdicts = list(server.verdicts)
    elif file is not None:
        verdicts = list(read_verdicts(file))
    else:
        left = kept_verdicts()
        if not as_json:
            click.echo(f"No server is running. {f'From {left[0][0]}:' if left else 'None has left verdicts.'}\n")
        verdicts = left[0][1] if left else []
    if as_json:
        click.echo(msgspec.json.encode({"server": server, "verdicts": verdicts}))
    else:
        click.echo(doctor_text(server, verdicts, whole=whole), nl=False)


def _the_server(pid: int | None, socket: Path | None) -> ServerStatus | None:
    """The one that is meant; None when there is none. Raises UsageError when it could be any of several."""
    try:
        servers = [ask(socket)] if socket is not None else running_servers()
    except (ServerError, OSError) as error:
        raise click.ClickException(str(error)) from None
    if pid is not None:
        servers = [server for server in servers if server.pid == pid]
        if not servers:
            raise click.ClickException(f"no server of this user has the pid {pid}")
    if len(servers) > 1:
        lines = [f"  --pid {server.pid}  {server.application} on {', '.join(server.addresses)}" for server in servers]
        raise click.UsageError("several servers are running; say which:\n" + "\n".join(lines))
    return servers[0] if servers else None
