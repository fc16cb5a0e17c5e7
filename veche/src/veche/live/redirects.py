"""Redirects in words, for a client that sends forms by script.

One job: answer a form of our client with the address to go to. fetch() follows a redirect by itself, loses the
#fragment of its address, and fails when it leads to another site; a browser without script does neither.
Must not know: forms, pages.
"""

from typing import Final

from veche.asgi import ASGIApplication, Message, Receive, Scope, Send
from veche.http import Headers, MutableHeaders

REQUEST_FIELD: Final = "live-request"
LOCATION_FIELD: Final = "live-location"
SEE_OTHER: Final = frozenset({301, 302, 303})  # after these a form's answer is fetched with GET (RFC 9110 §15.4.4)
UNUSED_FIELDS: Final = ("location", "content-length", "content-type")


def live_redirects(application: ASGIApplication) -> ASGIApplication:
    """Middleware: to a request with Live-Request, 303 + Location becomes 204 + Live-Location."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or REQUEST_FIELD not in Headers(scope["headers"]):
            await application(scope, receive, send)
            return

        in_words = False

        async def send_in_words(message: Message) -> None:
            nonlocal in_words
            if message["type"] == "http.response.start" and message["status"] in SEE_OTHER:
                headers = MutableHeaders(list(message.get("headers", ())))
                location = headers.get("location")
                if location is not None:
                    in_words = True
                    headers[LOCATION_FIELD] = location
                    for name in UNUSED_FIELDS:
                        if name in headers:
                            del headers[name]
                    message = {**message, "status": 204, "headers": headers.raw}
            elif in_words:
                message = {"type": "http.response.body", "body": b"", "more_body": message.get("more_body", False)}
            await send(message)

        await application(scope, receive, send_in_words)

    return wrapped
