"""Why somebody who was let in never got to a first request: a TLS handshake or a PROXY header failed.

One job: the kinds, what they are called, and what they mean.
Must not know: who sees them, who counts.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple


class Failure(IntEnum):
    """Each has a cell of its own, so that no peer can make the metrics grow."""

    TLS_NOT_SPOKEN = 0
    TLS_NOTHING_IN_COMMON = 1
    TLS_CERTIFICATE_REFUSED = 2
    TLS_CLIENT_CERTIFICATE = 3
    TLS_LEFT = 4
    TLS_TIMED_OUT = 5
    TLS_OTHER = 6
    PROXY_UNTRUSTED = 7
    PROXY_MISSING = 8
    PROXY_BAD = 9
    PROXY_LEFT = 10
    PROXY_TIMED_OUT = 11


class Words(NamedTuple):
    """What a failure is called in the metrics, and what it means to the operator."""

    handshake: str
    reason: str
    meaning: str
    is_ours: bool = False  # something is probably wrong on our side, or with the proxy in front of us


WORDS: Final[Mapping[Failure, Words]] = {
    Failure.TLS_NOT_SPOKEN: Words("tls", "not_tls", "what came was no TLS, such as http:// on an https bind"),
    Failure.TLS_NOTHING_IN_COMMON: Words(
        "tls",
        "nothing_in_common",
        "no version or cipher that both speak (--tls-least-version, --tls-ciphers)",
    ),
    Failure.TLS_CERTIFICATE_REFUSED: Words(
        "tls", "certificate_refused", "the peer refused our certificate: its name, its dates or its chain", is_ours=True
    ),
    Failure.TLS_CLIENT_CERTIFICATE: Words(
        "tls", "client_certificate", "the peer showed no certificate of an authority in --tls-client-ca"
    ),
    Failure.TLS_LEFT: Words("tls", "left", "the peer left"),
    Failure.TLS_TIMED_OUT: Words("tls", "timed_out", "it was not done within tls_handshake_seconds"),
    Failure.TLS_OTHER: Words("tls", "other", "TLS itself says why"),
    Failure.PROXY_UNTRUSTED: Words("proxy", "untrusted", "the peer is no --trusted-proxy", is_ours=True),
    Failure.PROXY_MISSING: Words(
        "proxy", "missing", "the connection does not begin with one: does the proxy send it?", is_ours=True
    ),
    Failure.PROXY_BAD: Words("proxy", "bad", "it cannot be understood", is_ours=True),
    Failure.PROXY_LEFT: Words("proxy", "left", "the peer left, as a check of a load balancer does"),
    Failure.PROXY_TIMED_OUT: Words("proxy", "timed_out", "it was not there within tls_handshake_seconds", is_ours=True),
}
