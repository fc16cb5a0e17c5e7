"""An application for servers as processes: it closes what is everybody's, as some ways to daemonise do."""

import os
import sys

from veche.asgi import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    match scope["path"]:
        case "/closes-one":
            os.close(2)
        case "/closes-all":
            os.closerange(0, 3)
        case "/prints":
            sys.stderr.write("a line that is printed\n")
            sys.stderr.flush()
        case "/fails":
            raise LookupError("told by the log")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
