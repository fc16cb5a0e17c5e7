"""The application server: `run("module:app", ServerSettings(bind=("127.0.0.1:8000",)))`."""

from veche.server.errors import AddressError, ServerError
from veche.server.processes.running import run
from veche.server.settings import ServerSettings

__all__ = ["AddressError", "ServerError", "ServerSettings", "run"]
