"""The Sec-WebSocket-Extensions field: a list of extensions with parameters (RFC 6455 §9.1).

One job: field values ↔ offers. Must not know: which extensions exist, what their parameters mean.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from veche.wire.websocket.errors import HandshakeRefused

OFFER_LIMIT: Final = 32  # a browser sends one or two
TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
NAME: Final = re.compile(rb"[ \t]*(" + TOKEN + rb")[ \t]*")
# A quoted value must be a token once its quotes are off (§9.1), so a backslash brings nothing that is allowed.
PARAMETER: Final = re.compile(
    rb";[ \t]*(" + TOKEN + rb")(?:[ \t]*=[ \t]*(?:(" + TOKEN + rb')|"(' + TOKEN + rb')"))?[ \t]*'
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One extension that the client would take; a parameter without a value has None."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]


def read_offers(values: Sequence[bytes]) -> tuple[Offer, ...]:
    """Return what the client offers, the one it likes best first.

    values: of the fields, in their order. Raises HandshakeRefused for what is not a list of extensions (§9.1: fail the
    connection); whether an offer makes sense is for its extension to say.
    """
    offers: list[Offer] = []
    text = b",".join(values)
    position = 0
    while text:
        name = NAME.match(text, position)
        if name is None or len(offers) >= OFFER_LIMIT:
            raise HandshakeRefused(400, "Sec-WebSocket-Extensions is not a list of extensions (RFC 6455 §9.1)")
        position = name.end()
        parameters: list[tuple[str, str | None]] = []
        while parameter := PARAMETER.match(text, position):
            position = parameter.end()
            value = parameter[2] or parameter[3]
            parameters.append((parameter[1].decode("ascii"), value.decode("ascii") if value else None))
        offers.append(Offer(name[1].decode("ascii"), tuple(parameters)))
        if position == len(text):
            break
        if text[position : position + 1] != b",":
            raise HandshakeRefused(400, "Sec-WebSocket-Extensions is not a list of extensions (RFC 6455 §9.1)")
        position += 1
    return tuple(offers)
