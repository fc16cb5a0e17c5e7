"""WSGI (PEP 3333): whole requests to threads, what the application gives there back to the loop."""

from veche.server.bridges.wsgi.bridge import WsgiBridge

__all__ = ["WsgiBridge"]
