"""The `veche` command, and `serve` for programs that start the server themselves (campus.cli)."""

from veche.cli.main import main
from veche.cli.serving import serve
from veche.server import ServerSettings

__all__ = ["ServerSettings", "main", "serve"]
