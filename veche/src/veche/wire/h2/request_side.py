"""Requests as they come: header blocks, content, trailers (RFC 9113 §5.1, §6.1, §8.1).

One job: what a whole header block or a DATA frame means for its stream, in the state that it is in.
Must not know: how blocks are cut into frames, what a request leads to.
"""

from veche.wire.h1 import RequestHead, RequestRefused
from veche.wire.h2.books import Books
from veche.wire.h2.errors import ConnectionBroken, ErrorCode, StreamBroken
from veche.wire.h2.frames import END_STREAM, PADDED, header_block, rst_stream, unpadded
from veche.wire.h2.hpack import DecodedBlock, HpackDecoder
from veche.wire.h2.memory import Memory
from veche.wire.h2.shortcuts import Shortcuts
from veche.wire.h2.stream import HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, OPEN, Stream, StreamEvent


class RequestSide(Books):
    """The part of an engine that reads requests."""

    def _start_reading(self, memory: Memory) -> None:
        self.parser = memory.parser
        self._decoder = HpackDecoder(memory.huffman, memory.judge, memory.static_entries)
        self._shortcuts = Shortcuts(self._decoder, memory.huffman, self.parser, list_octets=self.limits.list_octets)

    def _take_block(self, stream_id: int, block: bytes, *, ended: bool) -> None:
        try:
            if stream_id > self._last_stream_id:
                head = self._shortcuts.find(block) if ended else None
                # Also of streams that are refused: the table follows from every block.
                decoded = self._decoder.decode(block) if head is None else None
                self._open(stream_id, block, decoded, head, ended=ended)
            else:
                self._take_trailers(stream_id, self._decoder.decode(block), ended=ended)
        except StreamBroken as broken:
            self._reset_for_peer(stream_id, broken)

    def _open(
        self, stream_id: int, block: bytes, decoded: DecodedBlock | None, head: RequestHead | None, *, ended: bool
    ) -> None:
        if not stream_id & 1:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "a client's stream has an even number (§5.1.1)")
        if self._refusing:
            self._remember_reset(stream_id)
            return
        self._last_stream_id = stream_id
        self.requests += 1
        limits = self.limits
        if self.requests >= limits.requests:
            self.refuse_requests()
        if not self.sink.has_room(len(self.streams)):
            raise StreamBroken(ErrorCode.REFUSED_STREAM, "too many streams")
        if decoded is not None:
            try:
                head = self._read_request(block, decoded, ended=ended)
            except RequestRefused as refusal:
                self.outgoing.append(header_block(stream_id, self.sink.refusal_block(refusal), END_STREAM))
                if not ended:
                    self.outgoing.append(rst_stream(stream_id, ErrorCode.NO_ERROR))
                    self._remember_reset(stream_id)
                return
        assert head is not None
        stream = self.streams[stream_id] = self.sink.open_stream(stream_id, head)
        stream.stream_id = stream_id
        stream.send_window = self.peer_initial_window
        if ended:
            stream.state = HALF_CLOSED_REMOTE
        else:
            stream.state = OPEN
            stream.receive_window = limits.stream_window_octets
            if not head.chunked:
                stream.expected_octets = head.content_length
        stream.start()

    def _read_request(self, block: bytes, decoded: DecodedBlock, *, ended: bool) -> RequestHead:
        """Return the request of a block. Raises StreamBroken for a malformed one, RequestRefused."""
        limits = self.limits
        if self._decoder.may_exceed(block, decoded, limits.list_octets):
            raise RequestRefused(431, f"the head is larger than {limits.list_octets} octets")
        head = self.parser.parse(decoded, ended=ended)
        if head.content_length > limits.body_octets:
            raise RequestRefused(413, f"the body is larger than {limits.body_octets} octets")
        if ended:
            self._shortcuts.learn(block, head)
        return head

    def _take_trailers(self, stream_id: int, decoded: DecodedBlock, *, ended: bool) -> None:
        stream = self.streams.get(stream_id)
        if stream is None:
            if stream_id in self._reset_by_us:
                return  # it was on its way when we reset the stream
            raise ConnectionBroken(ErrorCode.STREAM_CLOSED, "HEADERS on a stream that is closed")
        if stream.state is HALF_CLOSED_REMOTE:
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "HEADERS after END_STREAM")
        if not ended:
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "a second HEADERS without END_STREAM (§8.1)")
        self.parser.check_trailers(decoded)
        self._request_ended(stream)

    def _take_data(self, flags: int, stream_id: int, payload: bytes) -> None:
        if not stream_id:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "DATA on stream 0")
        octets = len(payload)
        self._debit_connection(octets)
        if flags & PADDED:
            payload = unpadded(flags, payload)
        stream = self.streams.get(stream_id)
        try:
            if stream is None:
                self._credit_connection(octets)
                self._refuse_data(stream_id)
            else:
                self._take_content(stream, payload, octets, ended=bool(flags & END_STREAM))
        except StreamBroken as broken:
            self._reset_for_peer(stream_id, broken)

    def _refuse_data(self, stream_id: int) -> None:
        """Answer DATA of a stream that is not open; what was on its way when we reset it is thrown away."""
        if stream_id > self._last_stream_id and not self._refusing:
            raise ConnectionBroken(ErrorCode.PROTOCOL_ERROR, "DATA on an idle stream")
        if stream_id not in self._reset_by_us and stream_id <= self._last_stream_id:
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "DATA on a stream that is closed")

    def _take_content(self, stream: Stream, content: bytes, octets: int, *, ended: bool) -> None:
        """Take the content of a DATA frame that counts `octets` with its padding."""
        if stream.state is HALF_CLOSED_REMOTE:
            self._credit_connection(octets)
            raise StreamBroken(ErrorCode.STREAM_CLOSED, "DATA after END_STREAM")
        self._debit_stream(stream, octets)
        if not (content or ended):
            self._idle_frame()
        stream.received_octets += len(content)
        if stream.received_octets > self.limits.body_octets >= 0 and not stream.is_tunnel:
            self._credit_connection(octets)
            stream.body_refused(RequestRefused(413, f"the body is larger than {self.limits.body_octets} octets"))
            return
        if 0 <= stream.expected_octets < stream.received_octets:
            self._credit_connection(octets)
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "more DATA than content-length says (§8.1.1)")
        if stream.state is HALF_CLOSED_LOCAL:
            self._credit_connection(octets)  # nobody wants it: no more than one window of it is let come
            if not ended and not stream.receive_window:
                self.reset(stream, ErrorCode.NO_ERROR)
                return
        else:
            stream.unconsumed_octets += len(content)
            self._credit(stream, octets - len(content))
            if content:
                stream.body_received(content)
        if ended and stream.state in (OPEN, HALF_CLOSED_LOCAL):
            self._request_ended(stream)

    def _request_ended(self, stream: Stream) -> None:
        if 0 <= stream.expected_octets != stream.received_octets:
            raise StreamBroken(ErrorCode.PROTOCOL_ERROR, "less DATA than content-length says (§8.1.1)")
        was_open = stream.state is OPEN
        stream.move(StreamEvent.REQUEST_ENDED)
        if was_open:
            stream.request_ended()
        else:
            del self.streams[stream.stream_id]
