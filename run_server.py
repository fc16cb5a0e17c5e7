"""The site for WSGI servers: `gunicorn run_server:app`, `run_server:app_log`, `run_server:app_fake`.

One job: three names that a WSGI server can import. Nothing is opened before the first request, so that a server may
fork after the import. Settings come from CAMPUS_*; without any it is the site of ./run, with its data in ./var.
Must not know: the server, the site's parts.
"""

import os
import threading
from collections.abc import Iterable
from functools import cache

from campus.site import from_environment
from veche.asgi import Environ, StartResponse, WSGIApplication
from veche.web.wsgi import to_wsgi

FAKE = b"Hello from Fake"
_making = threading.Lock()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The site."""
    return _site(log_requests=False)(environ, start_response)


def app_log(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The site, with a line on stderr for each request: method, path, status, duration."""
    return _site(log_requests=True)(environ, start_response)


def app_fake(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """One answer to everything: shows what the server itself costs."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(FAKE)))]
    start_response("200 OK", headers)
    return [FAKE]


def _site(*, log_requests: bool) -> WSGIApplication:
    with _making:  # two threads of one worker must not make two sites
        return _made(log_requests)


@cache
def _made(log_requests: bool) -> WSGIApplication:  # cache keys are positional
    os.environ.setdefault("CAMPUS_SAMPLE", "true")
    return to_wsgi(from_environment(log_requests=log_requests))
