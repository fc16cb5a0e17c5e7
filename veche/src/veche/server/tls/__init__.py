"""TLS: certificates and keys from files, chosen by server name, taken up again when they change."""

from veche.server.tls.contexts import Identity, TlsContext, open_context, report_troubles
from veche.server.tls.extension import describe
from veche.server.tls.store import TlsStore

__all__ = ["Identity", "TlsContext", "TlsStore", "describe", "open_context", "report_troubles"]
