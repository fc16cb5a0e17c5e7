"""What a peer may do on an HTTP/2 connection and what ends it, in the order of RFC 9113."""

import itertools
import struct

import pytest

from fixtures.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    OPENING,
    PADDED,
    PING,
    POST,
    PRIORITY,
    PRIORITY_FLAG,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Conversation,
    block,
    data,
    error_of,
    frame,
    headers,
    rst_stream,
    settings,
    window_update,
)
from veche.wire.h2 import PREFACE, ErrorCode, StreamState
from veche.wire.h2.stream import TRANSITIONS, Stream, StreamEvent

CALM = ErrorCode.ENHANCE_YOUR_CALM
PROTOCOL = ErrorCode.PROTOCOL_ERROR


# §3.4: the preface, and SETTINGS first.


def test_what_does_not_begin_with_the_preface_is_no_http_2() -> None:
    talk = Conversation()
    assert error_of(talk, talk.receive(b"GET / HTTP/1.1\r\n\r\n")) == ("connection", PROTOCOL)


@pytest.mark.parametrize("first", [frame(PING, 0, 0, b"12345678"), headers(1), frame(SETTINGS, ACK)])
def test_the_first_frame_is_settings(first: bytes) -> None:
    talk = Conversation()
    assert error_of(talk, talk.receive(PREFACE + first)) == ("connection", PROTOCOL)


def test_our_first_frame_is_settings_with_our_bounds() -> None:  # and §6.5.2, RFC 8441 §3
    talk = Conversation()
    talk.engine.begin()
    first = talk.sent()[0]
    assert (first.kind, first.flags) == (SETTINGS, 0)
    said = dict(struct.iter_unpack(">HI", first.payload))
    assert said == {3: talk.limits.streams, 4: talk.limits.stream_window_octets, 6: talk.limits.list_octets, 8: 1}


# §4: frames.


def test_a_frame_is_refused_by_its_length_before_its_octets_come_CVE_2026_42788() -> None:  # §4.2
    talk = Conversation().opened()
    answer = talk.receive(frame(DATA, 0, 1, length=16385))
    assert error_of(talk, answer) == ("connection", ErrorCode.FRAME_SIZE_ERROR)


def test_unknown_frames_are_ignored_but_not_endlessly() -> None:  # §4.1
    talk = Conversation().opened()
    assert talk.receive(frame(0xAB, 0xFF, 7, b"what")) == []
    assert error_of(talk, talk.receive(*[frame(0xAB)] * 20)) == ("connection", CALM)


def test_a_header_block_is_not_interrupted() -> None:  # §4.3, §6.10
    for between in (frame(PING, 0, 0, b"12345678"), headers(3), frame(CONTINUATION, 0, 3), frame(0xAB)):
        talk = Conversation().opened()
        answer = talk.receive(frame(HEADERS, END_STREAM, 1, block(POST)), between)
        assert error_of(talk, answer) == ("connection", PROTOCOL)


def test_a_block_that_cannot_be_decompressed_ends_the_connection() -> None:  # §4.3
    talk = Conversation().opened()
    answer = talk.receive(frame(HEADERS, END_HEADERS, 1, b"\xbe"))
    assert error_of(talk, answer) == ("connection", ErrorCode.COMPRESSION_ERROR)


def test_continuation_flood_by_frames_CVE_2024_27316_CVE_2026_59246() -> None:  # empty ones add no octets
    talk = Conversation(block_frames=8).opened()
    assert talk.receive(frame(HEADERS, 0, 1, b""), *[frame(CONTINUATION, 0, 1)] * 7) == []
    assert error_of(talk, talk.receive(frame(CONTINUATION, 0, 1))) == ("connection", CALM)


def test_continuation_flood_by_octets_CVE_2024_27316_CVE_2026_49754() -> None:
    talk = Conversation(list_octets=4096, block_frames=100).opened()
    assert talk.receive(frame(HEADERS, 0, 1, b"x" * 4000)) == []
    assert error_of(talk, talk.receive(frame(CONTINUATION, 0, 1, b"x" * 97))) == ("connection", CALM)


def test_a_block_in_pieces_is_one_request() -> None:  # §6.10
    talk = Conversation().opened()
    octets = block(POST)
    talk.receive(frame(HEADERS, END_STREAM, 1, octets[:3]), frame(CONTINUATION, 0, 1, octets[3:9]))
    assert talk.heads == []
    talk.receive(frame(CONTINUATION, END_HEADERS, 1, octets[9:]))
    assert [head.line.method for head in talk.heads] == ["POST"]
    assert talk.stream(1).state is StreamState.HALF_CLOSED_REMOTE


# §5.1: states.


@pytest.mark.parametrize(("state", "event"), list(itertools.product(StreamState, StreamEvent)))
def test_every_state_knows_every_event(state: StreamState, event: StreamEvent) -> None:
    stream = Stream()
    stream.state = state
    after = TRANSITIONS[state][event]
    if after is None:
        with pytest.raises(AssertionError, match=event.name):
            stream.move(event)
        assert stream.state is state
    else:
        stream.move(event)
        assert stream.state is after
    if event is StreamEvent.RESET:
        assert after is StreamState.CLOSED


@pytest.mark.parametrize("octets", [data(1, b"x"), rst_stream(1), window_update(1, 1), frame(CONTINUATION, 4, 1)])
def test_an_idle_stream_takes_headers_and_priority_only(octets: bytes) -> None:
    talk = Conversation().opened()
    assert error_of(talk, talk.receive(octets)) == ("connection", PROTOCOL)


@pytest.mark.parametrize("octets", [data(1, b"x"), headers(1)])
def test_after_end_stream_there_is_nothing_more(octets: bytes) -> None:
    talk = Conversation().opened()
    talk.receive(headers(1))
    assert error_of(talk, talk.receive(octets)) == ("stream", ErrorCode.STREAM_CLOSED)
    assert talk.events[-1] == ("lost", 1)


def test_headers_on_a_closed_stream_end_the_connection() -> None:
    talk = Conversation().opened()
    talk.receive(headers(1))
    talk.engine.send_response(talk.stream(1), b"\x88", b"hello")
    talk.sent()
    assert error_of(talk, talk.receive(headers(1))) == ("connection", ErrorCode.STREAM_CLOSED)


def test_what_was_on_its_way_when_we_reset_a_stream_is_thrown_away() -> None:
    talk = Conversation(connection_window_octets=65535).opened()
    talk.receive(headers(1, POST, ended=False))
    talk.engine.reset(talk.stream(1), ErrorCode.INTERNAL_ERROR)
    talk.sent()
    window = talk.engine.receive_window
    answer = talk.receive(data(1, b"x" * 900), headers(1, [("trailer", "x")]), window_update(1, 5), rst_stream(1))
    assert answer == []
    assert talk.engine.receive_window + talk.engine._credit_due == window  # the connection has its window back


@pytest.mark.parametrize("stream_id", [2, 4, 0x7FFFFFFE])
def test_a_client_numbers_its_streams_with_odd_numbers(stream_id: int) -> None:  # §5.1.1
    talk = Conversation().opened()
    assert error_of(talk, talk.receive(headers(stream_id))) == ("connection", PROTOCOL)


def test_a_new_stream_has_a_higher_number() -> None:  # §5.1.1
    talk = Conversation().opened()
    talk.receive(headers(5))
    assert error_of(talk, talk.receive(headers(3)))[0] == "connection"


def test_more_streams_than_allowed_are_refused_and_may_come_again() -> None:  # §5.1.2
    talk = Conversation(streams=2).opened()
    assert talk.receive(headers(1), headers(3)) == []
    assert error_of(talk, talk.receive(headers(5))) == ("stream", ErrorCode.REFUSED_STREAM)
    assert len(talk.heads) == 2


def test_a_refused_block_still_counts_for_the_table() -> None:  # §4.3
    talk = Conversation(streams=1).opened()
    field = b"\x40\x03x-a\x03abc"
    talk.receive(headers(1), frame(HEADERS, END_HEADERS | END_STREAM, 3, block(POST) + field))
    talk.engine.send_response(talk.stream(1), b"\x88", b"")
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM, 5, block(POST) + b"\xbe"))
    assert (b"x-a", b"abc") in talk.heads[-1].fields


# §5.2, §6.9: flow control.


def test_more_data_than_the_streams_window_resets_it() -> None:
    talk = Conversation(stream_window_octets=1000).opened()
    assert talk.receive(headers(1, POST, ended=False), data(1, b"x" * 1000)) == []
    assert error_of(talk, talk.receive(data(1, b"x"))) == ("stream", ErrorCode.FLOW_CONTROL_ERROR)


def test_more_data_than_the_connections_window_ends_it() -> None:
    talk = Conversation(stream_window_octets=70_000).opened()
    talk.receive(headers(1, POST, ended=False), *[data(1, b"x" * 16000)] * 4)
    assert error_of(talk, talk.receive(data(1, b"x" * 1536))) == ("connection", ErrorCode.FLOW_CONTROL_ERROR)


def test_credit_is_given_for_what_the_application_has_taken_only() -> None:  # facts §5.3, gunicorn #3717
    talk = Conversation(stream_window_octets=1000).opened()
    assert talk.receive(headers(1, POST, ended=False), data(1, b"x" * 900)) == []
    talk.engine.consumed(talk.stream(1))
    [credit] = talk.sent()
    assert (credit.kind, credit.stream_id, credit.payload) == (WINDOW_UPDATE, 1, struct.pack(">I", 900))
    assert talk.receive(data(1, b"x" * 1000)) == []


def test_padding_counts_and_is_given_back_at_once() -> None:  # §6.1
    talk = Conversation(stream_window_octets=1000).opened()
    padded = frame(DATA, PADDED, 1, bytes([200]) + b"x" + bytes(200))
    answer = talk.receive(headers(1, POST, ended=False), *[padded] * 4)
    assert [(f.stream_id, f.payload) for f in answer] == [(1, struct.pack(">I", 603))]
    assert talk.events[-1] == ("body", 1, b"xxxx")


def test_a_stream_that_is_over_gives_the_connection_its_window_back() -> None:
    talk = Conversation(stream_window_octets=30_000).opened()
    for stream_id in range(1, 11, 2):
        talk.receive(headers(stream_id, POST, ended=False), data(stream_id, b"x" * 16000), data(stream_id, b"x" * 9000))
        talk.receive(rst_stream(stream_id))
    assert not talk.is_over
    assert talk.engine.receive_window >= 65535 // 2


def test_data_goes_as_far_as_the_windows() -> None:
    talk = Conversation()
    talk.receive(PREFACE + settings(window=10), headers(1), headers(3))
    engine = talk.engine
    engine.send_head(talk.stream(1), b"\x88")
    engine.send_body(talk.stream(1), b"0123456789abcde", more=False)
    engine.send_waiting(10**6)
    assert [f.payload for f in talk.sent() if f.kind == DATA] == [b"0123456789"]
    talk.receive(window_update(1, 3))
    engine.send_waiting(10**6)
    assert [f.payload for f in talk.sent() if f.kind == DATA] == [b"abc"]
    talk.receive(window_update(1, 100))
    engine.send_waiting(10**6)
    [last] = talk.sent()
    assert (last.payload, last.flags) == (b"de", END_STREAM)
    assert ("sent", 1) in talk.events
    assert 1 not in engine.streams


def test_streams_share_the_connections_window_in_turn() -> None:
    talk = Conversation()
    talk.receive(PREFACE + settings(window=10**6), *[headers(n) for n in (1, 3, 5)])
    for stream_id in (1, 3, 5):
        talk.engine.send_head(talk.stream(stream_id), b"\x88")
        talk.engine.send_body(talk.stream(stream_id), b"x" * 10**5, more=False)
    talk.engine.send_waiting(10**7)
    order = [f.stream_id for f in talk.sent() if f.kind == DATA]
    assert order == [1, 3, 5, 1]  # 65,535 octets are three frames of 16,384 and a rest
    talk.receive(window_update(0, 2 * 16384))
    talk.engine.send_waiting(10**7)
    assert [f.stream_id for f in talk.sent() if f.kind == DATA] == [3, 5]


def test_a_window_that_is_made_smaller_may_be_negative() -> None:  # §6.9.2
    talk = Conversation()
    talk.receive(PREFACE + settings(window=100), headers(1))
    talk.engine.send_head(talk.stream(1), b"\x88")
    talk.engine.send_body(talk.stream(1), b"x" * 150, more=False)
    talk.engine.send_waiting(1000)
    talk.receive(settings(window=40))
    assert talk.stream(1).send_window == -60
    talk.engine.send_waiting(1000)
    talk.receive(settings(window=130))
    talk.engine.send_waiting(1000)
    assert [len(f.payload) for f in talk.sent() if f.kind == DATA] == [30]


@pytest.mark.parametrize("stream_id", [0, 1])
@pytest.mark.parametrize("octets", [0, 2**31 - 1])
def test_a_window_grows_by_something_and_stays_below_2_31(stream_id: int, octets: int) -> None:  # §6.9, §6.9.1
    talk = Conversation().opened()
    talk.receive(headers(1))
    code = ErrorCode.FLOW_CONTROL_ERROR if octets else PROTOCOL
    answer = talk.receive(window_update(stream_id, octets))
    assert error_of(talk, answer) == ("stream" if stream_id else "connection", code)


@pytest.mark.parametrize("window", [2**31, 2**31 - 1])
def test_an_initial_window_over_2_31_ends_the_connection(window: int) -> None:  # §6.5.2, §6.9.2
    talk = Conversation().opened()
    talk.receive(headers(1), window_update(1, 10))
    answer = talk.receive(settings(window=window))
    assert error_of(talk, answer) == ("connection", ErrorCode.FLOW_CONTROL_ERROR)


# §6: each frame's own rules.


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(DATA, 0, 0, b"x"), PROTOCOL),  # §6.1
        (frame(DATA, PADDED, 1, b""), ErrorCode.FRAME_SIZE_ERROR),
        (frame(DATA, PADDED, 1, b"\x05abcd"), PROTOCOL),
        (frame(HEADERS, END_HEADERS, 0, block(POST)), PROTOCOL),  # §6.2
        (frame(HEADERS, END_HEADERS | PADDED, 3, b"\x09" + block(POST)[:5]), PROTOCOL),
        (frame(HEADERS, END_HEADERS | PRIORITY_FLAG, 3, b"\0\0"), ErrorCode.FRAME_SIZE_ERROR),
        (frame(PRIORITY, 0, 0, bytes(5)), PROTOCOL),  # §6.3
        (frame(PRIORITY, 0, 1, bytes(4)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(RST_STREAM, 0, 0, bytes(4)), PROTOCOL),  # §6.4
        (frame(RST_STREAM, 0, 1, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 1), PROTOCOL),  # §6.5
        (frame(SETTINGS, ACK, 0, bytes(6)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 0, bytes(5)), ErrorCode.FRAME_SIZE_ERROR),
        (settings(push=2), PROTOCOL),
        (settings(frame_size=16383), PROTOCOL),
        (settings(frame_size=2**24), PROTOCOL),
        (frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)), PROTOCOL),  # §8.4
        (frame(PING, 0, 1, bytes(8)), PROTOCOL),  # §6.7
        (frame(PING, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL),  # §6.8
        (frame(GOAWAY, 0, 0, bytes(7)), ErrorCode.FRAME_SIZE_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, bytes(3)), ErrorCode.FRAME_SIZE_ERROR),  # §6.9
        (frame(CONTINUATION, END_HEADERS, 1), PROTOCOL),  # §6.10
    ],
)
def test_a_frame_that_breaks_its_own_rules_ends_the_connection(octets: bytes, code: ErrorCode) -> None:
    talk = Conversation().opened()
    talk.receive(headers(1, POST, ended=False))
    assert error_of(talk, talk.receive(octets)) == ("connection", code)


def test_settings_and_pings_are_answered() -> None:  # §6.5.3, §6.7
    talk = Conversation()
    [acknowledgement] = talk.receive(OPENING)
    assert (acknowledgement.kind, acknowledgement.flags, acknowledgement.payload) == (SETTINGS, ACK, b"")
    [answer] = talk.receive(frame(PING, 0, 0, b"12345678"))
    assert (answer.kind, answer.flags, answer.payload) == (PING, ACK, b"12345678")
    assert talk.receive(frame(PING, ACK, 0, b"12345678")) == []


def test_a_stream_that_depends_on_itself_ends_the_connection_CVE_2025_8671() -> None:  # RFC 7540 §5.3.1
    for octets in (frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 0)), headers(1, flags=0)):
        talk = Conversation().opened()
        if octets[3] == HEADERS:
            octets = frame(HEADERS, END_HEADERS | PRIORITY_FLAG, 1, struct.pack(">IB", 1, 0) + block(POST))
        assert error_of(talk, talk.receive(octets)) == ("connection", PROTOCOL)


def test_padding_and_priority_of_headers_are_taken_off() -> None:  # §6.2
    talk = Conversation().opened()
    payload = bytes([3]) + struct.pack(">IB", 0, 7) + block(POST) + bytes(3)
    talk.receive(frame(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITY_FLAG, 1, payload))
    assert talk.heads[0].line.method == "POST"


# §6.8: the end in good order.


def test_the_end_is_announced_first_and_told_afterwards() -> None:
    talk = Conversation().opened()
    talk.receive(headers(1))
    talk.engine.begin_drain()
    goaway, ping = talk.sent()
    assert (goaway.payload[:4], goaway.code, ping.kind) == (b"\x7f\xff\xff\xff", ErrorCode.NO_ERROR, PING)
    talk.receive(headers(3))  # was on its way
    assert len(talk.heads) == 2
    assert not talk.drained
    talk.receive(frame(PING, ACK, 0, ping.payload))
    assert talk.drained
    talk.engine.refuse_requests()
    [goaway] = talk.sent()
    assert goaway.payload[:4] == b"\0\0\0\x03"
    assert talk.receive(headers(5, POST, ended=False), data(5, b"x")) == []
    assert len(talk.heads) == 2
    talk.engine.send_response(talk.stream(3), b"\x88", b"late")
    assert [f.kind for f in talk.sent()] == [HEADERS, DATA]


def test_after_so_many_requests_a_client_is_asked_to_open_another_connection() -> None:
    talk = Conversation(requests=3).opened()
    assert talk.receive(headers(1), headers(3)) == []
    [goaway] = talk.receive(headers(5))
    assert (goaway.kind, goaway.payload[:4], goaway.code) == (GOAWAY, b"\0\0\0\x05", ErrorCode.NO_ERROR)
    assert len(talk.heads) == 3
    assert talk.receive(headers(7)) == []
    assert len(talk.heads) == 3


# §10.5: budgets.


def test_rapid_reset_CVE_2023_44487() -> None:
    talk = Conversation(resets_received=5, streams=3).opened()
    for stream_id in range(1, 11, 2):
        assert talk.receive(headers(stream_id), rst_stream(stream_id)) == []
    assert error_of(talk, talk.receive(headers(11), rst_stream(11))) == ("connection", CALM)


@pytest.mark.parametrize(
    "provocation",
    [
        [data(1, b"x")],
        [window_update(1, 0)],
        [window_update(1, 2**31 - 1)],
        [headers(1)],
    ],
)
def test_made_you_reset_CVE_2025_8671(provocation: list[bytes]) -> None:
    talk = Conversation(resets_sent=5, idle_frames=1000).opened()
    for count in range(6):
        stream_id = 2 * count + 1
        octets = [piece[:5] + struct.pack(">I", stream_id) + piece[9:] for piece in provocation]
        answer = talk.receive(headers(stream_id), *octets)
        if count < 5:
            assert answer[0].kind == RST_STREAM
    assert error_of(talk, answer) == ("connection", CALM)


def test_malformed_requests_are_counted_too_CVE_2025_8671() -> None:
    talk = Conversation(resets_sent=5).opened()
    bad = [headers(n, [("x", "y")]) for n in range(1, 13, 2)]
    answer = talk.receive(*bad)
    assert [f.kind for f in answer] == [RST_STREAM] * 5 + [GOAWAY]


@pytest.mark.parametrize(
    "octets",
    [
        frame(PING, ACK, 0, bytes(8)),
        frame(SETTINGS, ACK),
        frame(PRIORITY, 0, 1, bytes(5)),
        window_update(0, 1),
        window_update(1, 1),
        data(1, b""),
        frame(GOAWAY, 0, 0, bytes(8)),
    ],
)
def test_frames_that_carry_nothing_have_a_budget(octets: bytes) -> None:
    talk = Conversation(idle_frames=20).opened()
    talk.receive(headers(1, POST, ended=False))
    talk.engine.new_period()
    assert talk.receive(*[octets] * 20) == []
    talk.engine.new_period()
    assert talk.receive(*[octets] * 20) == []
    assert error_of(talk, talk.receive(octets)) == ("connection", CALM)


def test_window_updates_for_what_we_send_are_no_flood() -> None:
    talk = Conversation(idle_frames=20)
    talk.receive(PREFACE + settings(window=2**20), headers(1))
    talk.receive(window_update(0, 2**20))
    talk.engine.send_head(talk.stream(1), b"\x88")
    talk.engine.send_body(talk.stream(1), b"x" * 16384 * 30, more=True)
    talk.engine.send_waiting(10**9)
    assert len([f for f in talk.sent() if f.kind == DATA]) == 30
    talk.receive(*[window_update(0, 100), window_update(1, 100)] * 100)
    assert not talk.is_over


def test_answers_that_nobody_reads_are_not_kept() -> None:
    talk = Conversation(queued_control_frames=10, idle_frames=1000).opened()
    talk.engine.answers_read()
    ping = frame(PING, 0, 0, bytes(8))
    assert len(talk.receive(*[ping] * 10)) == 10
    talk.engine.answers_read()
    talk.receive(*[ping] * 10)
    assert not talk.is_over
    assert error_of(talk, talk.receive(ping)) == ("connection", CALM)


def test_budgets_begin_anew_with_each_period() -> None:
    talk = Conversation(resets_received=5, resets_sent=5).opened()
    for start in (1, 101, 201):
        for stream_id in range(start, start + 10, 2):
            talk.receive(headers(stream_id), rst_stream(stream_id))
        for stream_id in range(start + 20, start + 30, 2):
            talk.receive(headers(stream_id), window_update(stream_id, 0))
        assert not talk.is_over
        talk.engine.new_period()


# Whole or in pieces.


def test_octets_that_come_one_by_one_lead_to_the_same() -> None:
    octets = b"".join(
        [
            *[OPENING, frame(SETTINGS, ACK), headers(1, POST, ended=False), data(1, b"abc")],
            *[frame(PING, 0, 0, bytes(8)), headers(3), data(1, b"def", ended=True), window_update(3, 7)],
            *[headers(5, [("x", "y")]), frame(0x20, 1, 2, b"abc"), rst_stream(3), data(1, b"x")],
            *[frame(HEADERS, END_STREAM, 7, block(POST)[:4]), frame(CONTINUATION, END_HEADERS, 7, block(POST)[4:])],
            *[data(7, b"x"), frame(DATA, 0, 0, b"x"), headers(9)],
        ]
    )
    whole, single = Conversation(), Conversation()
    answer = whole.receive(octets)
    assert single.receive(*[octets[n : n + 1] for n in range(len(octets))]) == answer
    assert single.events == whole.events
    assert whole.is_over


def test_nothing_is_read_after_the_end() -> None:
    talk = Conversation().opened()
    talk.receive(frame(DATA, 0, 0, b"x"))
    assert talk.receive(headers(1), frame(PING, 0, 0, bytes(8))) == []
    assert talk.heads == []
