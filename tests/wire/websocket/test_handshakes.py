"""RFC 6455 §4 and §7: how a WebSocket begins and ends."""

import itertools

import pytest

from veche.wire.websocket import (
    CloseCode,
    FrameMakers,
    HandshakeRefused,
    SendAfterClose,
    State,
    WebSocketConnection,
    read_handshake,
)
from veche.wire.websocket.closing import TRANSITIONS, Event, close_payload
from veche.wire.websocket.handshake import accept_value

KEY = (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")
VERSION = (b"sec-websocket-version", b"13")


def connection() -> WebSocketConnection:
    return WebSocketConnection(limit_octets=100, limit_fragments=10, makers=FrameMakers(None))


def test_the_accept_value_is_that_of_the_standard() -> None:  # §1.3
    assert accept_value(KEY[1]) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_good_request_is_answered() -> None:  # §4.2.2
    handshake = read_handshake("GET", "1.1", [KEY, VERSION, (b"sec-websocket-protocol", b"chat, superchat")])
    assert handshake.subprotocols == ("chat", "superchat")
    assert (b"sec-websocket-protocol", b"superchat") in handshake.answer("superchat")
    with pytest.raises(ValueError, match="was not offered"):
        handshake.answer("other")


@pytest.mark.parametrize(
    ("method", "version", "fields", "status"),
    [
        ("POST", "1.1", [KEY, VERSION], 400),
        ("GET", "1.0", [KEY, VERSION], 400),
        ("GET", "1.1", [KEY], 426),
        ("GET", "1.1", [KEY, (b"sec-websocket-version", b"8")], 426),
        ("GET", "1.1", [VERSION], 400),
        ("GET", "1.1", [KEY, KEY, VERSION], 400),
        ("GET", "1.1", [(KEY[0], b"c2hvcnQ="), VERSION], 400),
        ("GET", "1.1", [(KEY[0], b"\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87"), VERSION], 400),
        ("GET", "1.1", [KEY, VERSION, (b"sec-websocket-protocol", b"\xd1\x87\xd0\xb0\xd1\x82")], 400),
        ("GET", "1.1", [KEY, VERSION, (b"sec-websocket-protocol", b"a,,b")], 400),
    ],
)
def test_rule_22_a_wrong_request_is_refused(  # §4.2.1, §4.4
    method: str, version: str, fields: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        read_handshake(method, version, fields)
    assert refused.value.status == status


def test_rule_22_another_version_is_told_ours() -> None:  # §4.4
    with pytest.raises(HandshakeRefused) as refused:
        read_handshake("GET", "1.1", [KEY, (b"sec-websocket-version", b"7")])
    assert refused.value.headers == (VERSION,)


@pytest.mark.parametrize(("state", "event"), itertools.product(State, Event))
def test_every_state_has_a_known_answer_to_every_event(state: State, event: Event) -> None:  # §5.5.1
    expected = {
        (State.OPEN, Event.SEND_CLOSE): State.CLOSE_SENT,
        (State.OPEN, Event.RECEIVE_CLOSE): State.CLOSE_RECEIVED,
        (State.CLOSE_SENT, Event.RECEIVE_CLOSE): State.CLOSED,
        (State.CLOSE_RECEIVED, Event.SEND_CLOSE): State.CLOSED,
    }
    assert TRANSITIONS[state].get(event) is expected.get((state, event))


def test_nothing_is_sent_after_our_close_frame() -> None:  # §5.5.1
    accepted = connection()
    assert accepted.close(1000, "done") == b"\x88\x06\x03\xe8done"
    assert accepted.close() == b""
    with pytest.raises(SendAfterClose):
        accepted.text("more")


def test_a_close_frame_of_the_peer_is_answered_and_ends_the_connection() -> None:  # §7.1.1
    accepted = connection()
    accepted.receive(b"\x88\x80\x00\x00\x00\x00")
    states = [accepted.state]
    assert accepted.close(CloseCode.NO_STATUS) == b"\x88\x00"
    assert [*states, accepted.state] == [State.CLOSE_RECEIVED, State.CLOSED]


def test_an_answer_may_be_sent_between_the_peers_close_and_ours() -> None:  # §5.5.1
    accepted = connection()
    accepted.receive(b"\x88\x80\x00\x00\x00\x00")
    assert accepted.text("hi") == b"\x81\x02hi"
    accepted.close()
    with pytest.raises(SendAfterClose):
        accepted.text("more")


def test_a_reason_is_cut_at_a_character() -> None:  # §5.5: at most 125 octets
    payload = close_payload(1000, "я" * 100)
    assert len(payload) <= 125
    assert payload[2:].decode() == "я" * 61


@pytest.mark.parametrize("code", [1004, 1005, 1006, 1015, 999, 5000])
def test_a_code_that_may_not_be_sent_is_not(code: int) -> None:  # §7.4
    with pytest.raises(ValueError, match="may not be sent"):
        close_payload(code)
