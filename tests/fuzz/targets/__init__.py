"""Every fuzz target by name.

One job: the table. A target says what must hold for any octets that a peer may send.
Must not know: who makes the octets (libFuzzer in run.py, hypothesis in test_fuzz.py).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fuzz.targets import h1, h2, proxy, websocket


class Target(NamedTuple):
    """`check` raises when what must hold for its octets does not; `seeds` are octets that reach far into the code."""

    check: Callable[[bytes], None]
    seeds: Sequence[bytes]


TARGETS: Final = {
    "h1": Target(h1.check, h1.SEEDS),
    "h1_chunked": Target(h1.check_chunked, h1.CHUNKED_SEEDS),
    "h2": Target(h2.check, h2.SEEDS),
    "hpack": Target(h2.check_block, h2.BLOCK_SEEDS),
    "websocket": Target(websocket.check, websocket.SEEDS),
    "websocket_handshake": Target(websocket.check_handshake, websocket.HANDSHAKE_SEEDS),
    "h1_memory": Target(h1.check_memory, [b"".join(h1.SEEDS)]),
    "h1_response": Target(h1.check_response, h1.RESPONSE_SEEDS),
    "proxy": Target(proxy.check, proxy.SEEDS),
}
