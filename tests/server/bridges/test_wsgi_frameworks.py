"""Flask and Django as they are, in threads and inline: uploads, streams, files, Unicode paths, the database."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import flask
import httpx
import pytest
from django.conf import settings as django_settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from fixtures.serving import serve
from veche.log import Level

pytestmark = pytest.mark.peers

PARTS = [b"part %d\n" % number * 2000 for number in range(50)]
FILE = os.urandom(3_000_000)


def digest(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def flask_site(file: Path) -> Any:
    app = flask.Flask("site")

    @app.post("/upload")
    def upload() -> Any:
        sent = flask.request.files["file"]
        return {"name": sent.filename, "digest": digest(sent.read()), "note": flask.request.form["note"]}

    @app.put("/raw")
    def raw() -> Any:
        return {"digest": digest(flask.request.stream.read())}

    @app.get("/stream")
    def stream() -> Any:
        def parts() -> Iterator[bytes]:
            for part in PARTS:
                assert flask.request.args["a"] == "b"
                yield part

        return flask.Response(flask.stream_with_context(parts()))

    @app.get("/file")
    def send() -> Any:
        return flask.send_file(file, mimetype="application/x-test", conditional=True)

    @app.get("/путь/<name>")
    def about(name: str) -> Any:
        request = flask.request
        return {"name": name, "query": request.args["q"], "url": request.url, "peer": request.remote_addr}

    return app


def django_site(file: Path) -> Any:
    def upload(request: HttpRequest) -> HttpResponse:
        sent = request.FILES["file"]
        return JsonResponse({"name": sent.name, "digest": digest(sent.read()), "note": request.POST["note"]})

    def raw(request: HttpRequest) -> HttpResponse:
        return JsonResponse({"digest": digest(request.body)})

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(iter(PARTS))

    def send(request: HttpRequest) -> FileResponse:
        return FileResponse(file.open("rb"), content_type="application/x-test")

    def about(request: HttpRequest, name: str) -> HttpResponse:
        with connection.cursor() as cursor:  # Django refuses where it sees an event loop
            cursor.execute("select 1")
        query, url = request.GET["q"], request.build_absolute_uri()
        return JsonResponse({"name": name, "query": query, "url": url, "peer": request.META["REMOTE_ADDR"]})

    if not django_settings.configured:
        django_settings.configure(
            ALLOWED_HOSTS=["127.0.0.1"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            ROOT_URLCONF=(),
            SECRET_KEY="only for tests",  # it signs nothing
        )
        django.setup()
    django_settings.ROOT_URLCONF = tuple(
        path(where, view)
        for where, view in (
            ("upload", upload),
            ("raw", raw),
            ("stream", stream),
            ("file", send),
            ("путь/<name>", about),
        )
    )
    return get_wsgi_application()


@pytest.fixture(params=[flask_site, django_site], ids=["flask", "django"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    file = tmp_path / "file"
    file.write_bytes(FILE)
    make: Callable[[Path], Any] = request.param
    return make(file)


@pytest.fixture(params=[(0, False), (4, False), (4, True)], ids=["inline", "threads", "threads-http2"])
def client(request: pytest.FixtureRequest, site: Any) -> Iterator[httpx.Client]:
    threads, http2 = request.param
    with (
        serve(site, threads=threads, spool_octets=100_000) as served,
        httpx.Client(base_url=served.url, http1=not http2, http2=http2) as client,
    ):
        yield client
        assert served.log.messages(Level.ERROR) == []


def test_an_upload_arrives_as_it_was_sent(client: httpx.Client) -> None:
    for octets in (b"small", FILE):
        answer = client.post("/upload", files={"file": ("имя.bin", octets)}, data={"note": "день"})
        assert answer.json() == {"name": "имя.bin", "digest": digest(octets), "note": "день"}


def test_a_chunked_body_is_read_whole(client: httpx.Client) -> None:
    assert client.put("/raw", content=iter(PARTS)).json() == {"digest": digest(b"".join(PARTS))}


def test_a_stream_arrives_part_by_part(client: httpx.Client) -> None:
    with client.stream("GET", "/stream?a=b") as answer:
        assert b"".join(answer.iter_raw()) == b"".join(PARTS)
        assert (answer.headers.get("transfer-encoding") == "chunked") is (answer.http_version == "HTTP/1.1")


def test_a_file_is_sent_by_the_kernel(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    real = os.sendfile

    def counting(*arguments: int) -> int:
        sent.append(real(*arguments))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", counting)
    answer = client.get("/file")
    assert answer.content == FILE
    assert answer.headers["content-length"] == str(len(FILE))
    assert answer.headers["content-type"] == "application/x-test"
    assert sum(sent) == (len(FILE) if answer.http_version == "HTTP/1.1" else 0)  # frames cannot be sent past us
    if "etag" in answer.headers:  # Flask's answers are conditional
        assert client.get("/file", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        part = client.get("/file", headers={"range": "bytes=1000000-2000000"})
        assert (part.status_code, part.content) == (206, FILE[1_000_000:2_000_001])


def test_paths_and_queries_in_any_script(client: httpx.Client) -> None:
    told = client.get("/путь/Ёлка 100%", params={"q": "да&нет"}).json()
    assert (told["name"], told["query"], told["peer"]) == ("Ёлка 100%", "да&нет", "127.0.0.1")
    assert told["url"].startswith(str(client.base_url))
    assert client.get("/nothing").status_code == 404
