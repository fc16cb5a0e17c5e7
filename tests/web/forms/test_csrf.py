"""Each way in which a request may prove that our own page sent it, and each in which it cannot."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from veche.asgi import ASGIApplication, Message, Scope
from veche.language import Catalogues
from veche.web import Application, Mount, PlainTextResponse, Request, Response, Route
from veche.web.csrf import CsrfMiddleware
from veche.web.templates import Templates

SESSION = "session=abc"


@pytest.fixture
def application(tmp_path: Path) -> Application:
    (tmp_path / "form.html").write_text("<form>{{ csrf_field() }}</form>", encoding="utf-8")
    templates = Templates({"site": tmp_path}, Catalogues([]))

    async def page(request: Request) -> Response:
        return templates.render(request, "site/form.html")

    async def change(request: Request) -> Response:
        form = await request.form()
        octets = b"" if request.media_type == "multipart/form-data" else await request.body()
        return PlainTextResponse(f"changed {form.text('name')} {len(octets)}")

    def with_csrf(inner: ASGIApplication) -> ASGIApplication:
        return CsrfMiddleware(inner, secret="of this test", session_cookie="session")

    routes: list[Route | Mount] = [
        Route("/", page),
        Route("/read-only", page),
        Route("/", change, methods=("POST", "PUT", "PATCH", "DELETE"), name="change"),
    ]
    routes += [Route("/api/notes", change, methods=("POST",)), Mount("/api/other", PlainTextResponse("reached"))]
    return Application(routes, middleware=[with_csrf])


def ask(
    application: Application,
    method: str,
    headers: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
    *,
    base_url: str = "http://campus.example",
    path: str = "/",
    files: Mapping[str, tuple[str, bytes]] | None = None,
) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=base_url) as client:
            return await client.request(method, path, headers=headers, data=data, files=files)

    return asyncio.run(run())


def form_of(application: Application, headers: Mapping[str, str]) -> tuple[str, str]:
    """Return the token in the page's form, and the cookies that a browser then sends."""
    answer = ask(application, "GET", headers)
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found is not None
    cookies = [f"{name}={value}" for name, value in answer.cookies.items()]
    return found[1], "; ".join([*cookies, *([headers["cookie"]] if "cookie" in headers else [])])


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_request_that_the_browser_calls_our_own_passes(application: Application, site: str) -> None:
    assert ask(application, "POST", {"sec-fetch-site": site, "cookie": SESSION}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_request_that_the_browser_calls_foreign_is_refused(application: Application, site: str, method: str) -> None:
    headers = {"sec-fetch-site": site, "origin": "http://campus.example", "cookie": SESSION}
    answer = ask(application, method, headers)
    assert answer.status_code == 403
    assert site in answer.text


def test_a_foreign_request_is_refused_although_it_has_a_right_token(application: Application) -> None:
    token, cookie = form_of(application, {"cookie": SESSION})
    headers = {"sec-fetch-site": "cross-site", "cookie": cookie, "x-csrf-token": token}
    assert ask(application, "POST", headers).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_methods_are_not_asked(application: Application, method: str) -> None:
    assert ask(application, method, {"sec-fetch-site": "cross-site"}).status_code < 400


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "cross-site", "cookie": SESSION}])
def test_what_no_handler_would_answer_is_told_as_it_is(application: Application, headers: Mapping[str, str]) -> None:
    wrong_method = ask(application, "DELETE", headers, path="/read-only")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET, HEAD, OPTIONS")  # RFC 9110 §15.5.6
    assert ask(application, "POST", headers, path="/nothing").status_code == 404
    assert ask(application, "DELETE", headers).status_code == 403, "a handler stands there"


@pytest.mark.parametrize(
    ("origin", "base_url"),
    [
        ("http://campus.example", "http://campus.example"),
        ("https://campus.example", "http://campus.example"),  # a proxy ended TLS
        ("http://campus.example:8000", "http://campus.example:8000"),
        ("HTTP://CAMPUS.example", "http://campus.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_old_browser_is_believed_by_its_origin(application: Application, origin: str, base_url: str) -> None:
    assert ask(application, "POST", {"origin": origin, "cookie": SESSION}, base_url=base_url).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://campus.example.evil.example",
        "http://evilcampus.example",
        "http://campus.example:8001",
        "http://campus.example@evil.example",
        "http://[",
        "nonsense",
    ],
)
def test_another_origin_is_refused(application: Application, origin: str) -> None:
    assert ask(application, "POST", {"origin": origin, "cookie": SESSION}).status_code == 403


def test_without_origin_the_referer_is_asked(application: Application) -> None:
    assert ask(application, "POST", {"referer": "http://campus.example/threads/1?page=2"}).status_code == 200
    assert ask(application, "POST", {"referer": "http://evil.example/campus.example"}).status_code == 403


def test_without_any_header_a_token_in_the_form_is_needed(application: Application) -> None:
    assert ask(application, "POST", {"cookie": SESSION}, {"name": "a"}).status_code == 403
    token, cookie = form_of(application, {"cookie": SESSION})
    answer = ask(application, "POST", {"cookie": cookie}, {"name": "a", "csrf_token": token})
    assert answer.status_code == 200
    assert answer.text.startswith("changed a ")


def test_the_handler_still_gets_the_body_that_the_token_stood_in(application: Application) -> None:
    token, cookie = form_of(application, {"cookie": SESSION})
    data = {"name": "a", "csrf_token": token}
    sent = len("name=a&csrf_token=") + len(token)
    assert ask(application, "POST", {"cookie": cookie}, data).text == f"changed a {sent}"
    upload = {"picture": ("a.png", b"octets")}
    assert ask(application, "POST", {"cookie": cookie, "x-csrf-token": token}, data, files=upload).status_code == 200


def test_a_token_may_stand_in_a_header(application: Application) -> None:
    token, cookie = form_of(application, {"cookie": SESSION})
    assert ask(application, "DELETE", {"cookie": cookie, "x-csrf-token": token}).status_code == 200


def test_an_origin_that_hides_itself_needs_the_token(application: Application) -> None:
    assert ask(application, "POST", {"origin": "null", "referer": "http://campus.example/"}).status_code == 403
    token, cookie = form_of(application, {"cookie": SESSION})
    headers = {"origin": "null", "cookie": cookie, "x-csrf-token": token}
    assert ask(application, "POST", headers).status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", "токен", "cookie", "session"])
def test_a_token_that_is_not_of_this_browser_and_session_is_refused(application: Application, wrong: str) -> None:
    token, cookie = form_of(application, {"cookie": SESSION})
    if wrong == "cookie":
        cookie = f"csrf=planted; {SESSION}"
    elif wrong == "session":
        cookie = cookie.replace("abc", "of-another-account")
    else:
        token = wrong
    assert ask(application, "POST", {"cookie": cookie}, {"csrf_token": token}).status_code == 403


def test_a_bearer_token_needs_no_proof(application: Application) -> None:
    assert (
        ask(application, "POST", {"authorization": "Bearer secret", "sec-fetch-site": "cross-site"}).status_code == 200
    )


def test_a_program_that_forgot_its_token_is_answered_by_the_api_itself(application: Application) -> None:
    assert ask(application, "POST", path="/api/notes").status_code == 200
    assert ask(application, "POST").status_code == 403, "a login form has no session either"
    assert ask(application, "POST", path="/api/other/notes").status_code == 403, "what is mounted has its own sessions"


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": SESSION},
        {"cookie": f"__Host-{SESSION}"},
        {"authorization": "Basic YTpi"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example"},
    ],
)
def test_the_api_too_is_closed_to_other_sites(application: Application, headers: Mapping[str, str]) -> None:
    assert ask(application, "POST", headers, path="/api/notes").status_code == 403


@pytest.mark.parametrize("cookie", [SESSION, f"__Host-{SESSION}"])
def test_a_bearer_token_excuses_no_request_that_also_has_a_session(application: Application, cookie: str) -> None:
    headers = {"authorization": "Bearer invented", "cookie": cookie}
    assert ask(application, "POST", headers).status_code == 403


def test_basic_authentication_is_no_excuse_because_browsers_repeat_it(application: Application) -> None:
    assert ask(application, "POST", {"authorization": "Basic YTpi"}).status_code == 403


def test_the_token_s_cookie_is_for_this_host_only_and_hidden_from_scripts(application: Application) -> None:
    plain = ask(application, "GET").headers["set-cookie"]
    assert plain.startswith("csrf=")
    assert "HttpOnly" in plain
    assert "Secure" not in plain
    safe = ask(application, "GET", base_url="https://campus.example").headers["set-cookie"]
    assert safe.startswith("__Host-csrf=")
    assert "Secure" in safe


def test_a_browser_that_sends_fetch_metadata_gets_no_token(application: Application) -> None:
    answer = ask(application, "GET", {"sec-fetch-site": "none"})
    assert answer.text == "<form></form>"
    assert "set-cookie" not in answer.headers


def test_the_token_stays_while_the_cookie_does(application: Application) -> None:
    token, cookie = form_of(application, {"cookie": SESSION})
    again = ask(application, "GET", {"cookie": cookie})
    assert token in again.text
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    ("origin", "opened"), [("http://campus.example", True), ("http://evil.example", False), ("", True)]
)
def test_a_socket_is_not_opened_for_another_site(origin: str, opened: bool) -> None:  # RFC 6455 §10.2
    reached: list[str] = []
    sent: list[Message] = []

    async def inner(scope: Scope, receive: object, send: object) -> None:
        reached.append(scope["type"])

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"campus.example"), *([(b"origin", origin.encode())] if origin else [])]
    middleware = CsrfMiddleware(inner, secret="of this test", session_cookie="session")
    asyncio.run(middleware({"type": "websocket", "scheme": "ws", "headers": headers}, receive, send))
    assert reached == (["websocket"] if opened else [])
    assert [message["type"] for message in sent] == ([] if opened else ["websocket.close"])
