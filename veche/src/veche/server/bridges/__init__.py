"""From a request to an application and back: ASGI 3 and WSGI."""

from veche.server.bridges.detect import Interface, detect_interface
from veche.server.bridges.lifespan import Lifespan, StartupFailed

__all__ = ["Interface", "Lifespan", "StartupFailed", "detect_interface"]
