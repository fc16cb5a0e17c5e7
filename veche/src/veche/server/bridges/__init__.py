"""From a request to an application and back: ASGI 3 and WSGI."""

from veche.server.bridges.asgi import AsgiBridge
from veche.server.bridges.detect import Interface, detect_interface
from veche.server.bridges.lifespan import Lifespan, StartupFailed
from veche.server.bridges.starting import task_starter
from veche.server.bridges.wsgi import WsgiBridge

__all__ = ["AsgiBridge", "Interface", "Lifespan", "StartupFailed", "WsgiBridge", "detect_interface", "task_starter"]
