"""Those who were let in and never got to a first request.

One job: tell why a handshake failed, count it, and tell the operator without letting anybody fill the log.
Must not know: sockets, transports, how a handshake is made.

A scanner may fail a thousand handshakes a second. So each kind is told once in a while, with how many there were since;
every one of them is in the metrics.
"""

import re
import ssl
import time
from collections.abc import Callable
from typing import Final

from veche.log import Level
from veche.server.bridges.exchange import Reporter
from veche.server.scoreboard import Counter
from veche.server.scoreboard.handshakes import WORDS, Failure
from veche.wire.proxy import BadProxyHeader, NoProxyHeader

CELLS: Final = int(Counter.HANDSHAKES_FAILED)
DETAIL_CHARACTERS: Final = 200

# OpenSSL's names of reasons (openssl/sslerr.h); SSLV3_ALERT_… and TLSV1_ALERT_… are what the peer has told us.
REASONS: Final = (
    (re.compile("HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|RECORD_"), Failure.TLS_NOT_SPOKEN),
    (re.compile("ALERT_.*(CERTIFICATE|UNKNOWN_CA)"), Failure.TLS_CERTIFICATE_REFUSED),
    (re.compile("CERTIFICATE"), Failure.TLS_CLIENT_CERTIFICATE),
    (re.compile("PROTOCOL|VERSION|CIPHER|HANDSHAKE_FAILURE|NO_SUITABLE"), Failure.TLS_NOTHING_IN_COMMON),
    (re.compile("EOF"), Failure.TLS_LEFT),
)


class FailedHandshakes:
    """Of one worker; used in the loop's thread only."""

    def __init__(
        self,
        cells: memoryview,
        reporter: Reporter,
        *,
        told_each_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cells = cells
        self._reporter = reporter
        self._told_each_seconds = told_each_seconds
        self._clock = clock
        self._untold = dict.fromkeys(Failure, 0)
        self._tell_at: dict[Failure, float] = {}

    def count(self, failure: Failure) -> None:
        """Count one that somebody else tells of."""
        self._cells[CELLS + failure] += 1

    def note(self, failure: Failure, peer: str, detail: str = "") -> None:
        """Count one, and tell of it unless one of its kind was told a short while ago."""
        self.count(failure)
        self._untold[failure] += 1
        now = self._clock()
        if now < self._tell_at.get(failure, now):
            return
        self._tell_at[failure] = now + self._told_each_seconds
        times, self._untold[failure] = self._untold[failure], 0
        words = WORDS[failure]
        what = "TLS handshake" if words.handshake == "tls" else "PROXY header"
        fields = {"detail": detail[:DETAIL_CHARACTERS]} if detail else {}
        self._reporter.log_message(
            f"{what} failed: {words.meaning}",
            level=Level.WARNING if words.is_ours else Level.INFO,
            reason=words.reason,
            peer=peer,
            times=times,
            **fields,
        )


def tls_failure(error: OSError) -> tuple[Failure, str]:
    """Return why a TLS handshake failed, and what TLS says of it."""
    if not isinstance(error, ssl.SSLError):
        return Failure.TLS_LEFT, ""
    reason = error.reason or ""
    kind = next((kind for pattern, kind in REASONS if pattern.search(reason)), Failure.TLS_OTHER)
    return kind, reason or str(error)


def proxy_failure(error: OSError | BadProxyHeader) -> tuple[Failure, str]:
    """Return why there was no PROXY header."""
    if isinstance(error, NoProxyHeader):
        return Failure.PROXY_MISSING, ""
    return (Failure.PROXY_BAD, str(error)) if isinstance(error, BadProxyHeader) else (Failure.PROXY_LEFT, "")
