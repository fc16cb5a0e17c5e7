"""The tree of routes, paths and their names."""

import pytest

from veche.asgi import Receive, Scope, Send
from veche.web import Mount, Response, Route, UnknownRoute, WebSocketRoute, WrongConfiguration
from veche.web.routing import WEBSOCKET, AnyRoute, Found, FoundMount, NotFound, Router, WrongMethod


async def handler() -> Response:
    return Response()


async def inner(_scope: Scope, _receive: Receive, _send: Send) -> None:
    return


ROUTES: list[AnyRoute] = [
    Route("/", handler, name="home"),
    Route("/courses", handler, name="courses"),
    Route("/courses", handler, methods=("POST",)),
    Route("/courses/new", handler, name="new"),
    Route("/courses/{course_id:int}", handler, name="course"),
    Route("/courses/{slug}", handler, name="by_slug"),
    Route("/courses/{course_id:int}/lessons/{place:int}", handler, name="lesson"),
    Route("/courses/{slug}/about", handler, name="about"),
    Route("/@{account}", handler, name="profile"),
    Route("/{account}.json", handler, name="export"),
    Route("/files/{path:path}", handler, name="file"),
    Route("/files/{path:path}", handler, methods=("PUT",)),
    Route("/folder/", handler, name="folder"),
    WebSocketRoute("/live/socket", handler, name="socket"),
    Mount("/static/live", inner, name="live"),
    Mount("/static/", inner, name="static"),
]


@pytest.mark.parametrize(
    ("path", "name", "params"),
    [
        ("/", "home", {}),
        ("/courses", "courses", {}),
        ("/courses/new", "new", {}),
        ("/courses/12", "course", {"course_id": 12}),
        ("/courses/0", "course", {"course_id": 0}),
        ("/courses/012", "by_slug", {"slug": "012"}),
        ("/courses/python", "by_slug", {"slug": "python"}),
        ("/courses/12/lessons/3", "lesson", {"course_id": 12, "place": 3}),
        ("/courses/12/about", "about", {"slug": "12"}),  # back from the branch of int
        ("/@ольга", "profile", {"account": "ольга"}),
        ("/olga.json", "export", {"account": "olga"}),
        ("/files/a/b.txt", "file", {"path": "a/b.txt"}),
        ("/files/a//b", "file", {"path": "a//b"}),
        ("/folder/", "folder", {}),
    ],
)
def test_a_path_finds_its_route(path: str, name: str, params: dict[str, object]) -> None:
    found = Router(ROUTES).find("GET", path)
    assert isinstance(found, Found)
    assert (found.route.name, found.path_params) == (name, params)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("/courses/", "/courses"),
        ("/courses/12/", "/courses/12"),
        ("/folder", "/folder/"),
        ("/nothing", None),
        ("/courses/12/lessons", None),
        ("/@", None),
        ("/.json", None),
        ("/files/", None),
        ("//courses", None),
        ("//evil.example/", None),
        ("*", None),  # OPTIONS * (RFC 9110 §9.3.7)
        ("/staticky", None),
    ],
)
def test_an_unknown_path_is_not_found_and_may_have_a_neighbour(path: str, other: str | None) -> None:
    assert Router(ROUTES).find("GET", path) == NotFound(other)


def test_a_known_path_with_another_method_says_what_is_allowed() -> None:
    router = Router(ROUTES)
    assert router.find("DELETE", "/courses") == WrongMethod(("GET", "HEAD", "OPTIONS", "POST"))
    assert router.find("POST", "/files/a") == WrongMethod(("GET", "HEAD", "OPTIONS", "PUT"))
    assert router.find("GET", "/live/socket") == WrongMethod(())
    assert isinstance(router.find(WEBSOCKET, "/live/socket"), Found)
    assert isinstance(router.find("HEAD", "/courses"), Found)


def test_another_branch_may_have_the_method() -> None:
    router = Router([Route("/a/{x:int}", handler, name="get"), Route("/a/{x}", handler, methods=("PUT",), name="put")])
    found = router.find("PUT", "/a/1")
    assert isinstance(found, Found)
    assert found.path_params == {"x": "1"}


def test_the_longest_mount_wins() -> None:
    router = Router(ROUTES)
    for path, prefix in (("/static/live/a.js", "/static/live"), ("/static/a.css", "/static"), ("/static", "/static")):
        found = router.find("GET", path)
        assert isinstance(found, FoundMount)
        assert found.mount.prefix == prefix


def test_a_path_is_built_from_its_name() -> None:
    router = Router(ROUTES)
    assert router.url_for("home", {}) == "/"
    assert router.url_for("lesson", {"course_id": 1, "place": 2}) == "/courses/1/lessons/2"
    assert router.url_for("by_slug", {"slug": "a b?#%я"}) == "/courses/a%20b%3F%23%25%D1%8F"
    assert router.url_for("profile", {"account": "olga"}) == "/@olga"
    assert router.url_for("file", {"path": "a/b c.txt"}) == "/files/a/b%20c.txt"
    assert router.url_for("courses", {"page": 2, "tag": ["a", "b"], "q": None}) == "/courses?page=2&tag=a&tag=b"
    assert router.url_for("static", {"path": "a.css"}) == "/static/a.css"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("course", {}),
        ("course", {"course_id": "x"}),
        ("course", {"course_id": -1}),
        ("course", {"course_id": True}),
        ("by_slug", {"slug": "a/b"}),
        ("by_slug", {"slug": ".."}),
        ("by_slug", {"slug": ""}),
        ("nothing", {}),
    ],
)
def test_a_path_that_would_not_come_back_is_not_built(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(UnknownRoute):
        Router(ROUTES).url_for(name, parameters)


@pytest.mark.parametrize(
    ("routes", "complaint"),
    [
        ([Route("courses", handler)], "must begin"),
        ([Route("/{a}{b}", handler)], "one variable"),
        ([Route("/{a}/{a}", handler)], "twice"),
        ([Route("/{a:uuid}", handler)], "unknown kind 'uuid'"),
        ([Route("/{a:path}/b", handler)], "whole last segment"),
        ([Route("/{a", handler)], "cannot read"),
        ([Route("/a", handler), Route("/a", handler)], "two routes answer GET /a"),
        ([Route("/{a}", handler), Route("/{b}", handler)], "two routes answer"),
        ([Route("/a", handler, name="x"), Route("/b", handler, name="x")], "two paths have the name"),
        ([Mount("static", inner)], "must begin"),
    ],
)
def test_a_mistake_in_the_routes_is_found_at_start(routes: list[AnyRoute], complaint: str) -> None:
    with pytest.raises(WrongConfiguration, match=complaint):
        Router(routes)


def test_no_path_makes_the_search_long() -> None:
    router = Router([Route("/" + "/".join(f"{{a{n}}}" for n in range(8)), handler), *ROUTES])
    assert isinstance(router.find("GET", "/a" * 50_000), NotFound)
    assert isinstance(router.find("GET", "/" * 50_000), NotFound)
