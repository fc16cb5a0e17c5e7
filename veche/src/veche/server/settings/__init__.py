"""Every setting of the server, once: name, type, bounds, default, unit and meaning.

One job: be the single definition from which the options of `veche serve`, the VECHE_* variables and the table in
docs/server.md are generated. A setting exists only with a caller and a test that fails when it is ignored.
Must not know: command lines, documents, sockets.

One file for each group. A group extends the next one, because msgspec cannot combine two structs; the order of the
chain is the order of the table: listening, application, processes, recycling, diagnosis, records, requests,
connections, websocket, http2, wsgi.
"""

from veche.server.settings.listening import ListeningSettings
from veche.server.settings.requests import RequestLimits


class ServerSettings(ListeningSettings, frozen=True, kw_only=True):
    """What an operator may choose; the defaults serve one machine without a proxy in front."""


__all__ = ["RequestLimits", "ServerSettings"]
