"""The contests of HTTP/1.1: the rows of the server's table that one request again and again can show.

One job: declare them.
"""

from benchmarks.contest import Contest, Target
from benchmarks.load import Requests
from benchmarks.servers import constant, daphne, granian, gunicorn, hypercorn, uvicorn, veche

HELLO, ECHO, STREAM, TIMER, HELLO_WSGI = (
    f"benchmarks.applications:{name}" for name in ("hello_asgi", "echo_asgi", "stream_asgi", "timer_asgi", "hello_wsgi")
)

# What a browser sends with a click, Host and a session's cookies included: 16 fields.
BROWSER = (
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("sec-ch-ua", '"Chromium";v="146", "Not)A;Brand";v="24", "Google Chrome";v="146"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
    ("Upgrade-Insecure-Requests", "1"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-User", "?1"),
    ("Sec-Fetch-Dest", "document"),
    ("Referer", "http://127.0.0.1/courses/sourdough/lessons/3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Cookie", "session=Zm9ydHktdHdvIG9jdGV0cyBvZiBub3RoaW5n; theme=dark; language=en; seen=2026-11-20"),
)

CONTESTS = (
    Contest(
        "hello",
        "ASGI, small request, 64 connections",
        [
            veche(HELLO),
            uvicorn(HELLO),
            granian(HELLO, "asgi"),
            gunicorn(HELLO, "asgi"),
            hypercorn(HELLO),
            daphne(HELLO),
            constant(),
        ],
        Requests(),
        "uvicorn",
        [Target(2.0, ["uvicorn"]), Target(1.8, ["granian"])],
    ),
    Contest(
        "browser",
        "ASGI, a browser's 16 headers and cookies, 64 connections",
        [veche(HELLO), uvicorn(HELLO), granian(HELLO, "asgi"), constant()],
        Requests(fields=BROWSER),
        "uvicorn",
        [Target(1.8, ["uvicorn"])],
    ),
    Contest(
        "strangers",
        "ASGI, 16 headers, each request with a path and a cookie never seen before",
        [veche(HELLO), uvicorn(HELLO), granian(HELLO, "asgi")],
        Requests(fields=BROWSER[:-1], varied=True),
        "uvicorn",
    ),
    Contest(
        "one",
        "ASGI, one connection, one request at a time",
        [veche(HELLO), uvicorn(HELLO), granian(HELLO, "asgi"), constant()],
        Requests(connections=1),
        "uvicorn",
        [Target(1.5, ["uvicorn"])],
    ),
    Contest(
        "echo",
        "ASGI, 10 KB body read and echoed",
        [veche(ECHO), uvicorn(ECHO), granian(ECHO, "asgi")],
        Requests(method="POST", body_octets=10_240),
        "uvicorn",
        [Target(1.5, ["uvicorn"])],
    ),
    Contest(
        "stream",
        "ASGI, 64 KB streamed in 16 parts",
        [veche(STREAM), uvicorn(STREAM), granian(STREAM, "asgi")],
        Requests(),
        "uvicorn",
        [Target(1.5, ["uvicorn"])],
    ),
    Contest(
        "timer",
        "ASGI, an application that awaits a timer of 10 ms, 512 connections",
        [veche(TIMER), uvicorn(TIMER), granian(TIMER, "asgi")],
        Requests(connections=512),
        "uvicorn",
        [Target(1.2, ["uvicorn"])],
    ),
    Contest(
        "wsgi",
        "WSGI in a pool of threads, 64 connections",
        [
            veche(HELLO_WSGI),
            granian(HELLO_WSGI, "wsgi"),
            gunicorn(HELLO_WSGI, "gthread", "--threads", "4"),
            gunicorn(HELLO_WSGI, "sync"),
        ],
        Requests(),
        "granian",
        [Target(1.1, ["granian"]), Target(8.0, ["gunicorn gthread"])],
    ),
    Contest(
        "inline",
        "WSGI in the loop's thread (--threads 0), 64 connections",
        [veche(HELLO_WSGI, "--threads", "0"), granian(HELLO_WSGI, "wsgi")],
        Requests(),
        "granian",
        [Target(1.6, ["granian"])],
    ),
    Contest(
        "workers",
        "two workers on two cores, per CPU-second, beside one",
        [veche(HELLO, name="veche, 2 workers", workers=2), veche(HELLO)],
        Requests(),
        "veche",
        [Target(0.9, ["veche"], ours="veche, 2 workers")],
    ),
)
