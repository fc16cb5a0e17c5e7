"""An application that answers at once, but for /stuck."""

import time
from collections.abc import Iterable

from veche.asgi import Environ, StartResponse


def stands_here() -> None:
    time.sleep(3600)


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/stuck":
        stands_here()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
