"""A browser without a browser: it keeps cookies, follows redirects when told, fills forms.

One job: turn calls of a test into ASGI scopes and messages.
Must not know: what the application is made of.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import msgspec

from veche.asgi import ASGIApplication, Message, Scope
from veche.http import Headers, field_line
from veche.web.testing.html_forms import PageForm
from veche.web.testing.response import ClientResponse
from veche.web.testing.streams import ClientStream, Conversation
from veche.web.testing.websocket import ClientWebSocket

Fields: TypeAlias = Mapping[str, object] | Sequence[tuple[str, str]]
Files: TypeAlias = Mapping[str, tuple[str, bytes, str]]  # field → (filename, octets, media type)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
LIMIT_REDIRECTS: Final = 10
# What a browser says of a link or a form on the site's own pages; a test of strangers' requests gives its own headers.
BROWSER_HEADERS: Final = {"accept": "text/html,*/*;q=0.8", "sec-fetch-site": "same-origin"}


class Client:
    """`async with Client(application) as client:` starts the application (its lifespan) and ends it.

    Clients made by `client.another()` share the started application and have their own cookies: other visitors.
    """

    def __init__(
        self,
        application: ASGIApplication,
        *,
        base_url: str = "http://testserver",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.application = application
        self.cookies: dict[str, str] = {}
        self.headers = {**BROWSER_HEADERS, **(headers or {})}
        self._base_url = base_url
        self._state: dict[str, Any] = {}
        self._lifespan: tuple[asyncio.Task[None], asyncio.Queue[Message], asyncio.Queue[Message]] | None = None

    def another(self, *, headers: Mapping[str, str] | None = None) -> "Client":
        """Return a client with its own cookies on the same started application."""
        other = Client(self.application, base_url=self._base_url, headers={**self.headers, **(headers or {})})
        other._state = self._state
        return other

    async def __aenter__(self) -> "Client":
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        outbox: asyncio.Queue[Message] = asyncio.Queue()
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        task = asyncio.ensure_future(_run_lifespan(self.application, scope, inbox, outbox))
        self._lifespan = (task, inbox, outbox)
        inbox.put_nowait({"type": "lifespan.startup"})
        message = await outbox.get()
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the application did not start: {message.get('message', '')}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lifespan is not None
        task, inbox, _outbox = self._lifespan
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await task

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Fields | None = None,
        files: Files | None = None,
        json: object = None,
        content: bytes | None = None,
        follow_redirects: bool = False,
    ) -> ClientResponse:
        """Return the whole answer. At most one of form (with files), json and content makes the body."""
        body, media_type = _body(form, files, json, content)
        own = {**({"content-type": media_type} if media_type else {}), **(headers or {})}
        response = await self._once(method, path, own, body)
        visited: list[str] = []
        while follow_redirects and response.status_code in REDIRECTS:
            visited.append(response.path)
            if len(visited) > LIMIT_REDIRECTS:
                raise AssertionError(f"redirected in a circle: {visited}")
            if response.status_code in (301, 302, 303):
                method, body = "GET", b""
                own.pop("content-type", None)
            target = urljoin(self._base_url + response.path, response.headers["location"])
            response = await self._once(method, target.removeprefix(self._base_url), own, body)
        response.redirects = tuple(visited)
        return response

    async def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> ClientResponse:
        async with self.stream(method, path, headers=headers, content=body) as stream:
            content = b"".join([piece async for piece in stream])
        return ClientResponse(stream.status_code, stream.headers, content, path)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> AsyncIterator[ClientStream]:
        """Give an answer as it comes: `async for piece in stream`. Leaving it is the client going away."""
        scope = self._scope("http", path, headers or {}, {"method": method})
        if content:
            scope["headers"].append((b"content-length", str(len(content)).encode()))
        conversation = Conversation(self.application, scope, content)
        try:
            stream = await conversation.begin()
            self._keep_cookies(stream.headers)
            yield stream
        finally:
            await conversation.end()

    def websocket(
        self, path: str, *, headers: Mapping[str, str] | None = None, subprotocols: Sequence[str] = ()
    ) -> ClientWebSocket:
        """Return a WebSocket to enter. Raises HandshakeRefused there when the application does not accept."""
        extra = {"subprotocols": list(subprotocols), "extensions": {"websocket.http.response": {}}}
        return ClientWebSocket(self.application, self._scope("websocket", path, headers or {}, extra))

    async def get(
        self, path: str, *, headers: Mapping[str, str] | None = None, follow_redirects: bool = False
    ) -> ClientResponse:
        """GET a path, with its query."""
        return await self.request("GET", path, headers=headers, follow_redirects=follow_redirects)

    async def post(
        self,
        path: str,
        *,
        form: Fields | None = None,
        files: Files | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = False,
    ) -> ClientResponse:
        """POST a form, or JSON."""
        return await self.request(
            "POST", path, headers=headers, form=form, files=files, json=json, follow_redirects=follow_redirects
        )

    async def submit(
        self,
        page: ClientResponse,
        form: PageForm | str = "",
        *,
        follow_redirects: bool = True,
        **changes: str | list[str],
    ) -> ClientResponse:
        """Send a form of a page, as the page has it but for the changes. form: the form, or a text that finds it."""
        found = page.form(form) if isinstance(form, str) else form
        target = urljoin(self._base_url + page.path, found.action or page.path).removeprefix(self._base_url)
        fields = found.filled(changes)
        if found.method == "GET":
            path = urlsplit(target).path + "?" + urlencode(fields)
            return await self.get(path, follow_redirects=follow_redirects)
        return await self.post(target, form=fields, follow_redirects=follow_redirects)

    def _scope(self, kind: str, path: str, headers: Mapping[str, str], extra: Mapping[str, object]) -> Scope:
        base, address = urlsplit(self._base_url), urlsplit(path)
        secure = base.scheme == "https"
        fields = {"host": base.netloc, **self.headers, **{name.lower(): value for name, value in headers.items()}}
        if self.cookies:
            fields.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        schemes = {"http": ("http", "https"), "websocket": ("ws", "wss")}[kind]
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": schemes[secure],
            "path": unquote(address.path) or "/",
            "raw_path": address.path.encode() or b"/",
            "query_string": address.query.encode(),
            "root_path": "",
            "headers": [field_line(name, value) for name, value in fields.items()],
            "client": ("127.0.0.1", 50000),
            "server": (base.hostname or "testserver", base.port or (443 if secure else 80)),
            "state": dict(self._state),
            **extra,
        }

    def _keep_cookies(self, headers: Headers) -> None:
        for line in headers.getlist("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


async def _run_lifespan(
    application: ASGIApplication, scope: Scope, inbox: asyncio.Queue[Message], outbox: asyncio.Queue[Message]
) -> None:
    try:
        await application(scope, inbox.get, outbox.put)
    except Exception as error:  # ASGI: such an application does not speak the protocol, or failed before it began
        outbox.put_nowait({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})


def _body(form: Fields | None, files: Files | None, json: object, content: bytes | None) -> tuple[bytes, str]:
    """Return the body and its media type."""
    if files is not None:
        return _multipart(form or {}, files)
    if form is not None:
        return urlencode(form, doseq=True).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return msgspec.json.encode(json), "application/json"
    return content or b"", ""


def _multipart(form: Fields, files: Files) -> tuple[bytes, str]:
    boundary = token_hex(16)
    parts: list[bytes] = []
    for name, value in form.items() if isinstance(form, Mapping) else form:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, (filename, octets, media_type) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: {media_type}'
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + octets + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
