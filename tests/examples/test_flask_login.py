"""examples/flask_login over real sockets: one contract for our server and for gunicorn."""

from collections.abc import Iterator

import httpx
import pytest

from fixtures.example_sites import Server, example, input_value, url_of

pytestmark = pytest.mark.peers

ENV = {"FLASK_SECRET_KEY": "a key that both workers know"}


@pytest.fixture(scope="module", params=["veche", "gunicorn"])
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Server = request.param
    nobody = ["--trusted-proxy", "none"] if server == "veche" else []  # else it is whoever asks from this machine
    with example(server, "flask_login", "app:app", *nobody, env=ENV, workers=2) as running:
        yield url_of(running)


@pytest.fixture
def browser(site: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site, follow_redirects=True) as client:
        yield client


def log_in(browser: httpx.Client, name: str = "ada", password: str = "lovelace") -> httpx.Response:
    token = input_value(browser.get("/").text, "csrf_token")
    return browser.post("/", data={"csrf_token": token, "name": name, "password": password})


@pytest.mark.parametrize(("name", "password"), [("Ada", "lovelace"), ("Ада", "лавлейс")])
def test_who_knows_the_password_and_sends_the_token_is_let_in(browser: httpx.Client, name: str, password: str) -> None:
    answer = log_in(browser, name, password)
    assert (answer.status_code, answer.url.path) == (200, "/desk")
    assert f"Hello, {name}" in answer.text


def test_the_form_is_refused_without_its_token(browser: httpx.Client) -> None:
    browser.get("/")  # the session is there, only the token is not sent
    answer = browser.post("/", data={"name": "ada", "password": "lovelace"})
    assert answer.status_code == 400
    assert "The CSRF token is missing." in answer.text
    assert browser.get("/desk").url.path == "/"


def test_a_token_of_another_session_is_refused(site: str, browser: httpx.Client) -> None:
    foreign = input_value(httpx.get(site).text, "csrf_token")
    browser.get("/")
    answer = browser.post("/", data={"csrf_token": foreign, "name": "ada", "password": "lovelace"})
    assert answer.status_code == 400
    assert "The CSRF tokens do not match." in answer.text


def test_a_wrong_password_brings_the_form_back_with_the_reason(browser: httpx.Client) -> None:
    answer = log_in(browser, password="byron")
    assert answer.status_code == 422
    assert "No such name and password." in answer.text
    assert 'value="ada"' in answer.text  # what was typed stays, the password does not
    assert "byron" not in answer.text


def test_the_session_opens_the_desk_on_every_worker_until_it_is_ended(browser: httpx.Client) -> None:
    assert browser.get("/desk").url.path == "/"
    desk = log_in(browser)
    assert {browser.get("/desk", headers={"connection": "close"}).url.path for _time in range(10)} == {"/desk"}
    assert browser.post("/logout").status_code == 400  # a foreign page cannot log anybody out
    assert browser.get("/desk").url.path == "/desk"
    browser.post("/logout", data={"csrf_token": input_value(desk.text, "csrf_token")})
    assert browser.get("/desk").url.path == "/"


def test_an_unknown_address_gets_the_applications_own_page(browser: httpx.Client) -> None:
    answer = browser.get("/нет-такой")
    assert answer.status_code == 404
    assert "There is no page at <code>/нет-такой</code>." in answer.text


def test_the_style_sheet_is_served(browser: httpx.Client) -> None:
    answer = browser.get("/static/page.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.text.startswith(":root")


def test_an_upload_of_a_program_arrives_whole_with_a_length_and_in_chunks(browser: httpx.Client) -> None:
    body = bytes(range(256)) * 4000
    assert browser.post("/upload", content=body).json()["octets"] == len(body)
    pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    assert browser.post("/upload", content=pieces).json()["octets"] == len(body)


def test_who_is_not_behind_a_proxy_believes_no_forwarded_fields(browser: httpx.Client, site: str) -> None:
    # X-Forwarded-Proto is left out: gunicorn itself believes it of 127.0.0.1, whatever the application does.
    claim = {"x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil.example"}
    host = site.removeprefix("http://")
    assert browser.get("/headers", headers=claim).json() == {"remote_addr": "127.0.0.1", "scheme": "http", "host": host}
