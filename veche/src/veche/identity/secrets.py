"""Secrets that we give out once and then only recognise: session ids, personal tokens, one-time links.

One job: make a secret, and the digest under which a table keeps it. A stolen table opens nothing.
Must not know: what a secret opens.
"""

import hashlib
import secrets
from typing import Final

SECRET_OCTETS: Final = 32  # 256 bits: no need to slow a guesser down, so a plain SHA-256 is enough
SECRET_CHARACTERS: Final = 43
DIGEST_CHARACTERS: Final = 64


def new_secret() -> str:
    """Return 256 random bits as 43 characters that need no escaping in a cookie, a header or an address."""
    return secrets.token_urlsafe(SECRET_OCTETS)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of the secret, in 64 hexadecimal digits; looking it up by an index leaks nothing useful."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
