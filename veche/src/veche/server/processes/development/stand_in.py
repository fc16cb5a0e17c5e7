"""What answers under --reload while the application does not start.

One job: a page that says why, with the traceback, to whoever asks for anything.
Must not know: the application. For development only: it shows source lines.
"""

import html

from veche.asgi import ASGIApplication, Receive, Scope, Send

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The application does not start</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}}
pre{{overflow:auto;padding:1rem;border:1px solid;font-size:14px}}</style>
<h1>The application does not start</h1>
<p>{reason}</p>
{traceback}
<p>Mend it and load this page again: veche serve --reload has noticed the change by then.</p>
</html>
"""


def stand_in(reason: str, traceback: str) -> ASGIApplication:
    """An application that answers every request with 500 and the page."""
    shown = f"<pre>{html.escape(traceback)}</pre>" if traceback else ""
    body = PAGE.format(reason=html.escape(reason), traceback=shown).encode("utf-8", "replace")
    fields = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{word}.complete"})
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011, "reason": "the application does not start"})
        else:
            await send({"type": "http.response.start", "status": 500, "headers": fields})
            await send({"type": "http.response.body", "body": body})

    return answer
