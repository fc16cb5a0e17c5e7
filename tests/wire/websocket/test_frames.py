"""RFC 6455 §5: frames and messages, in the order of the standard."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veche.wire.websocket import Close, CloseCode, FrameRefused, MessageReader, Ping, Pong, Received
from veche.wire.websocket.frames import Opcode, encode_frame, find_unmask, unmask_in_python

FRAGMENTS = 50
KEY = b"\x37\xfa\x21\x3d"  # of the examples in §5.7
LIMIT = 1000


def masked(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """Return a client's frame."""
    head = bytes(((0x80 if final else 0) | reserved | opcode,))
    length = len(payload)
    if length < 126:
        head += bytes((0x80 | length,))
    elif length <= 0xFFFF:
        head += b"\xfe" + length.to_bytes(2, "big")
    else:
        head += b"\xff" + length.to_bytes(8, "big")
    return head + KEY + unmask_in_python(payload, KEY)


def reader(limit: int = LIMIT) -> MessageReader:
    return MessageReader(limit_octets=limit, limit_fragments=FRAGMENTS)


def read(octets: bytes, *, limit: int = LIMIT) -> list[Received]:
    """Return what whole octets give, having checked that they give the same one by one."""
    whole = reader(limit).receive(octets)
    slow = reader(limit)
    assert [event for octet in octets for event in slow.receive(bytes((octet,)))] == whole
    return whole


def refusal(octets: bytes, *, limit: int = LIMIT) -> CloseCode:
    """Return the close code with which the octets are refused, whole and one by one."""
    with pytest.raises(FrameRefused) as whole:
        reader(limit).receive(octets)
    slow = reader(limit)
    with pytest.raises(FrameRefused) as by_octet:
        for octet in octets:
            slow.receive(bytes((octet,)))
    assert whole.value.code is by_octet.value.code
    return whole.value.code


def test_ghsa_rhh8_5xw9_c3gm_a_frame_that_is_not_masked_is_refused() -> None:  # §5.1
    assert refusal(encode_frame(Opcode.TEXT, b"Hello")) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
def test_reserved_bits_are_refused(bit: int) -> None:  # §5.2
    assert refusal(masked(Opcode.TEXT, b"Hello", reserved=bit)) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF])
def test_reserved_opcodes_are_refused(opcode: int) -> None:  # §5.2
    assert refusal(masked(opcode, b"")) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "head",
    [
        b"\x82\xfe\x00\x7d",  # 125 in two octets
        b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff",  # 65,535 in eight
        b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00",  # the highest bit
    ],
)
def test_lengths_that_are_not_in_their_shortest_form_are_refused(head: bytes) -> None:  # §5.2
    assert refusal(head + KEY, limit=2**64) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_every_form_of_length_is_read_and_written(length: int) -> None:  # §5.2
    payload = bytes(index % 251 for index in range(length))
    assert reader(70_000).receive(masked(Opcode.BINARY, payload)) == [payload]
    assert encode_frame(Opcode.BINARY, payload).endswith(payload)
    assert len(encode_frame(Opcode.BINARY, payload)) - length == (2 if length < 126 else 4 if length < 65_536 else 10)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_is_taken_off_alike_by_both_functions(payload: bytes, key: bytes) -> None:  # §5.3
    expected = bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))
    assert unmask_in_python(payload, key) == expected == find_unmask()(payload, key)


def test_fragments_make_one_message_and_control_frames_come_between_them() -> None:  # §5.4
    octets = (
        masked(Opcode.TEXT, "При".encode()[:3], final=False)
        + masked(Opcode.PING, b"there?")
        + masked(Opcode.CONTINUATION, "При".encode()[3:], final=False)
        + masked(Opcode.CONTINUATION, "вет".encode())
        + masked(Opcode.BINARY, b"\x00", final=False)
        + masked(Opcode.CONTINUATION, b"\x01")
    )
    assert read(octets) == [Ping(b"there?"), "Привет", b"\x00\x01"]


def test_a_continuation_of_nothing_is_refused() -> None:  # §5.4
    assert refusal(masked(Opcode.CONTINUATION, b"x")) is CloseCode.PROTOCOL_ERROR


def test_a_message_inside_another_is_refused() -> None:  # §5.4
    octets = masked(Opcode.TEXT, b"a", final=False) + masked(Opcode.TEXT, b"b")
    assert refusal(octets) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_control_frames_are_short_and_whole(opcode: Opcode) -> None:  # §5.5
    assert refusal(masked(opcode, bytes(126))) is CloseCode.PROTOCOL_ERROR
    assert refusal(masked(opcode, b"", final=False)) is CloseCode.PROTOCOL_ERROR


def test_close_ping_and_pong_are_told_apart() -> None:  # §5.5
    octets = masked(Opcode.PING, b"a") + masked(Opcode.PONG, b"b") + masked(Opcode.CLOSE, b"\x03\xe9bye")
    assert read(octets) == [Ping(b"a"), Pong(b"b"), Close(1001, "bye")]


def test_nothing_is_read_after_a_close_frame() -> None:  # §5.5.1
    receiver = reader()
    assert receiver.receive(masked(Opcode.CLOSE, b"") + masked(Opcode.TEXT, b"late")) == [Close(1005, "")]
    assert receiver.receive(masked(Opcode.TEXT, b"later")) == []
    assert receiver.buffered_octets == 0


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])
def test_codes_that_may_not_be_sent_are_refused(code: int) -> None:  # §7.4
    assert refusal(masked(Opcode.CLOSE, code.to_bytes(2, "big"))) is CloseCode.PROTOCOL_ERROR


def test_a_close_frame_of_one_octet_is_refused() -> None:  # §5.5.1
    assert refusal(masked(Opcode.CLOSE, b"\x03")) is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xf4\x90\x80\x80"])
def test_text_that_is_not_utf_8_is_refused(text: bytes) -> None:  # §8.1
    assert refusal(masked(Opcode.TEXT, text)) is CloseCode.NOT_UTF_8
    assert refusal(masked(Opcode.CLOSE, b"\x03\xe8" + text)) is CloseCode.NOT_UTF_8


def test_wrong_text_is_refused_in_its_first_wrong_fragment() -> None:  # §8.1
    assert refusal(masked(Opcode.TEXT, b"\xff", final=False)) is CloseCode.NOT_UTF_8


def test_cve_2026_44545_a_message_over_the_limit_is_refused_before_its_payload_arrives() -> None:  # §7.4.1, 1009
    head = masked(Opcode.BINARY, bytes(LIMIT + 1))[:4]
    assert refusal(head) is CloseCode.TOO_LARGE
    in_parts = masked(Opcode.BINARY, bytes(LIMIT), final=False) + masked(Opcode.CONTINUATION, b"x")[:2]
    assert refusal(in_parts) is CloseCode.TOO_LARGE
    assert read(masked(Opcode.BINARY, bytes(LIMIT))) == [bytes(LIMIT)]


def test_cve_2026_42786_a_message_in_endless_fragments_is_refused() -> None:
    whole = masked(Opcode.BINARY, b"", final=False) + masked(Opcode.CONTINUATION, b"", final=False) * (FRAGMENTS - 2)
    last = masked(Opcode.CONTINUATION, b"", final=True)
    assert read(whole + last) == [b""]
    assert refusal(whole + masked(Opcode.CONTINUATION, b"", final=False) + last) is CloseCode.TOO_LARGE


def test_cve_2026_42786_what_is_kept_of_an_unfinished_message_is_its_octets() -> None:
    receiver = reader(100_000)
    for octet in masked(Opcode.BINARY, bytes(90_000)):
        receiver.receive(bytes((octet,)))
        assert receiver.buffered_octets <= 90_000
    receiver.receive(masked(Opcode.BINARY, bytes(90_000))[:50_000])
    assert 49_000 < receiver.buffered_octets < 50_000


def test_cve_2026_65623_a_message_in_many_small_parts_takes_linear_time() -> None:
    def seconds(octets: int) -> float:
        receiver = MessageReader(limit_octets=octets, limit_fragments=octets)
        frames = masked(Opcode.TEXT, b"", final=False) + masked(Opcode.CONTINUATION, b"ab", final=False) * (octets // 2)
        began = time.process_time()
        for start in range(0, len(frames), 1000):
            receiver.receive(frames[start : start + 1000])
        return time.process_time() - began

    few, many = min(seconds(20_000) for _ in range(3)), min(seconds(200_000) for _ in range(2))
    assert many < 40 * few  # ten times the octets; quadratic would be a hundred times


def test_cve_2025_1695_a_length_that_never_comes_costs_nothing() -> None:
    receiver = reader(1 << 62)
    assert receiver.receive(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + KEY) == []
    assert receiver.buffered_octets == 0


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_but_the_refusal(octets: bytes) -> None:
    receiver = reader()
    try:
        receiver.receive(octets)
    except FrameRefused as refused:
        assert refused.code in CloseCode  # noqa: PT017  # both endings are right
