"""Any sequence of requests, pipelined and cut anywhere, gets its answers whole and in order (RFC 9112 §9.3.2).

hypothesis makes up the conversations; what each answer must be follows from its request alone.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.serving import Peer, Served, serve
from veche.asgi import Receive, Scope, Send

EMPTY: dict[str, object] = {"type": "http.response.body"}


async def read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Do what the path says, and answer with the number in the query and the size of the body that was read."""
    assert scope["type"] == "http"
    path, number = scope["path"], scope["query_string"]
    size = -1
    if path in {"/read", "/length"}:
        size = len(await read(receive))
    elif path == "/slow":
        await asyncio.sleep(0.002)
        size = len(await read(receive))
        await asyncio.sleep(0.002)
    elif path == "/peek":
        await receive()
    answer = number + b" %d" % size
    headers = [(b"content-length", b"%d" % len(answer))] if path in {"/length", "/ignore"} else []
    if path == "/hint":
        await send({"type": "http.response.early_hint", "links": [b"</a>"]})
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/stream":
        for octet in answer:
            await send({"type": "http.response.body", "body": bytes([octet]), "more_body": True})
            await asyncio.sleep(0)
        await send(EMPTY)
    elif path == "/after":  # it answers first and reads then
        await send({"type": "http.response.body", "body": answer, "more_body": True})
        await read(receive)
        await send(EMPTY)
    else:
        await send({"type": "http.response.body", "body": answer})


READ = {"/read", "/length", "/slow"}


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    version: str
    body: bytes
    chunk_octets: int  # 0: with Content-Length

    def octets(self, number: int) -> bytes:
        lines = [f"{self.method} {self.path}?{number} HTTP/{self.version}", "Host: a"]
        body = self.body
        if self.version == "1.0":
            lines.append("Connection: keep-alive")
        if self.chunk_octets and body and self.version == "1.1":
            lines.append("Transfer-Encoding: chunked")
            parts = (body[at : at + self.chunk_octets] for at in range(0, len(body), self.chunk_octets))
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\nX-Trailer: a\r\n\r\n"
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body

    def answer(self, number: int) -> bytes:
        return b"%d %d" % (number, len(self.body) if self.path in READ else -1)

    @property
    def ends(self) -> bool:
        """Whether the answer can only end with the connection."""
        return self.version == "1.0" and self.path in {"/stream", "/after"} and self.method != "HEAD"


REQUESTS = st.builds(
    Asked,
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    path=st.sampled_from(["/read", "/length", "/slow", "/peek", "/ignore", "/stream", "/after", "/hint"]),
    version=st.sampled_from(["1.1", "1.1", "1.1", "1.0"]),
    body=st.one_of(st.just(b""), st.binary(min_size=1, max_size=30), st.integers(1, 60_000).map(lambda n: b"x" * n)),
    chunk_octets=st.sampled_from([0, 1, 7, 50_000]),
).filter(lambda asked: not (asked.chunk_octets == 1 and len(asked.body) > 3000))


@pytest.fixture(scope="module", params=[False, True], ids=["uvloop", "asyncio"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    with serve(application, plain_asyncio=request.param) as server:
        yield server


def read_answer(peer: Peer, asked: Asked) -> bytes:
    """Return the body of the final answer; HEAD has none."""
    status = 103
    while status == 103:
        status, fields, body = peer.read_response(has_body=asked.method != "HEAD")
        if status == 103:
            assert (asked.path, asked.version) == ("/hint", "1.1")
    assert status == 200
    if asked.ends:
        body = peer.read_to_end()
        assert fields["connection"] == "close"
    return body


@given(requests=st.lists(REQUESTS, min_size=1, max_size=8), cuts=st.lists(st.integers(1, 3000), max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_conversation_is_answered_whole_and_in_order(
    served: Served, requests: list[Asked], cuts: list[int]
) -> None:
    octets = b"".join(asked.octets(number) for number, asked in enumerate(requests))
    with served.connect() as peer:
        at = 0
        for cut in cuts:
            peer.send(octets[at : at + cut])
            at += cut
        peer.send(octets[at:])
        for number, asked in enumerate(requests):
            expected = b"" if asked.method == "HEAD" else asked.answer(number)
            assert read_answer(peer, asked) == expected
            if asked.ends:
                assert peer.read_to_end() == b""
                break
        assert served.log.entries == []
