"""The WSGI face of an application (PEP 3333), for gunicorn and its like; and a place for WSGI applications in ours."""

from veche.web.wsgi.bridge import to_wsgi
from veche.web.wsgi.mounted import from_wsgi

__all__ = ["from_wsgi", "to_wsgi"]
