"""The characters of HTTP (RFC 9110 §5.5, §5.6.2; RFC 9112 §3, §5; RFC 3986 §3.2).

One job: the octet classes and patterns that the rest of the package checks with.
Must not know: messages, limits, what follows from a mismatch.
"""

import re
from typing import Final

TOKEN_OCTETS: Final = rb"!#$%&'*+\-.^_`|~0-9A-Za-z"  # §5.6.2, ready for a character class
TOKEN: Final = re.compile(rb"[" + TOKEN_OCTETS + rb"]+")

# Exactly one space each, a token, visible US-ASCII, the name in capitals, one digit each (RFC 9112 §2.3, §3).
REQUEST_LINE: Final = re.compile(rb"([" + TOKEN_OCTETS + rb"]+) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")

# What `value.translate(None, VALUE_OCTETS)` leaves is forbidden in a field value: NUL, CR, LF and every other control
# but HTAB (RFC 9110 §5.5). obs-text (0x80-0xFF) is opaque data, and is let through as such.
VALUE_OCTETS: Final = bytes(octet for octet in range(256) if octet == 0x09 or (octet >= 0x20 and octet != 0x7F))

# uri-host [":" port] of RFC 3986 §3.2.2 without userinfo. A comma is grammatical in a reg-name but never in a name of
# DNS; it would let two Hosts that a proxy joined pass as one.
HOST: Final = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=%]+)(?::[0-9]{0,5})?")

# absolute-form of RFC 9112 §3.2.2, for the schemes that we are.
ABSOLUTE_FORM: Final = re.compile(rb"https?://([^/?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)

# Bounded before int() sees it: int() takes "+1", "1_0" and other digits, and its work grows with the square.
CONTENT_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,16}")
CHUNK_EXTENSIONS: Final = re.compile(
    rb"(?:[ \t]*;[ \t]*[" + TOKEN_OCTETS + rb"]+"
    rb"(?:[ \t]*=[ \t]*(?:["
    + TOKEN_OCTETS
    + rb']+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"))?)*'
)

# What may not come after the body: framing, routing, what a client asks for, authentication, cookies, how content is to
# be read or kept (RFC 9110 §6.5.1), and what names other fields.
NOT_IN_TRAILERS: Final = frozenset(
    b"content-length transfer-encoding connection keep-alive te trailer upgrade date host expect range max-forwards "
    b"if-match if-none-match if-modified-since if-unmodified-since if-range authorization proxy-authorization "
    b"www-authenticate proxy-authenticate cookie set-cookie content-type content-encoding content-range "
    b"content-language content-location cache-control expires age vary location retry-after forwarded".split()
)
