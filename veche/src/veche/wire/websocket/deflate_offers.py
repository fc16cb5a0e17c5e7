"""What we agree to when a client offers permessage-deflate (RFC 7692 §5, §7.1).

One job: an offer and our own wishes → the agreement, or none.
Must not know: how octets are compressed, the rest of the handshake.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from veche.wire.websocket.extensions import Offer

NAME: Final = "permessage-deflate"
LARGEST_WINDOW_BITS: Final = 15
# zlib makes no raw window of 8 bits (it makes one of 9, which a client with 8 could not follow).
LEAST_WINDOW_BITS: Final = 9
WINDOW_BITS: Final = re.compile("[89]|1[0-5]")  # §7.1.2: no leading zero
WITHOUT_VALUE: Final = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
WITH_VALUE: Final = frozenset({"server_max_window_bits", "client_max_window_bits"})


@dataclass(frozen=True, slots=True)
class DeflateChoices:
    """What the operator wants.

    window_bits: of both directions, 9 to 15. level: 1 to 9. least_octets: shorter messages are sent as they are.
    context_takeover: messages refer to earlier ones; that compresses better and keeps two windows for each socket.
    ratio_limit: how many times its own size a message may become (beyond 1 MiB).
    """

    window_bits: int = LARGEST_WINDOW_BITS
    level: int = 3
    least_octets: int = 256
    context_takeover: bool = False
    ratio_limit: int = 200


@dataclass(frozen=True, slots=True)
class DeflateAgreement:
    """What both sides keep to."""

    server_takes_over: bool
    client_takes_over: bool
    server_window_bits: int
    client_window_bits: int
    answer: bytes  # the value of our Sec-WebSocket-Extensions


def agree(offers: Iterable[Offer], choices: DeflateChoices) -> DeflateAgreement | None:
    """Return the agreement on the first offer that can be accepted; None declines them all (§5.1)."""
    for offer in offers:
        if offer.name == NAME:
            agreement = _answer(offer, choices)
            if agreement is not None:
                return agreement
    return None


def _answer(offer: Offer, choices: DeflateChoices) -> DeflateAgreement | None:
    asked = _read_parameters(offer)
    if asked is None:
        return None
    server_takes_over = choices.context_takeover and "server_no_context_takeover" not in asked
    client_takes_over = choices.context_takeover and "client_no_context_takeover" not in asked
    server_bits = min(choices.window_bits, int(asked.get("server_max_window_bits") or LARGEST_WINDOW_BITS))
    if server_bits < LEAST_WINDOW_BITS:
        return None
    client_bits = LARGEST_WINDOW_BITS
    if "client_max_window_bits" in asked:  # §7.1.2.2: only then may it be told to take less
        offered = int(asked["client_max_window_bits"] or LARGEST_WINDOW_BITS)
        client_bits = min(choices.window_bits, offered)
    words = [NAME]
    if not server_takes_over:
        words.append("server_no_context_takeover")
    if not client_takes_over:
        words.append("client_no_context_takeover")  # §7.1.1.2: a server may ask for it unasked
    if "server_max_window_bits" in asked or server_bits < LARGEST_WINDOW_BITS:
        words.append(f"server_max_window_bits={server_bits}")
    if client_bits < LARGEST_WINDOW_BITS:
        words.append(f"client_max_window_bits={client_bits}")
    return DeflateAgreement(
        server_takes_over, client_takes_over, server_bits, client_bits, "; ".join(words).encode("ascii")
    )


def _read_parameters(offer: Offer) -> Mapping[str, str | None] | None:
    """Return the parameters by name; None for an offer that must be declined (§7.1)."""
    found: dict[str, str | None] = {}
    for name, value in offer.parameters:
        if name in found:
            return None
        if name in WITHOUT_VALUE:
            if value is not None:
                return None
        elif name in WITH_VALUE:
            if value is None and name == "server_max_window_bits":
                return None
            if value is not None and not WINDOW_BITS.fullmatch(value):
                return None
        else:
            return None
        found[name] = value
    return found
