"""What a certificate says about itself: the names it is for, and until when (RFC 5280 §4.1).

One job: read these few fields from the DER of one certificate.
Must not know: files, keys, whether anybody trusts it.

Python shows them for a verified peer only, not for a certificate of one's own, hence this reader. It reads what an
operator has put there, after OpenSSL has accepted it.
"""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

BEGIN: Final = "-----BEGIN CERTIFICATE-----"
END: Final = "-----END CERTIFICATE-----"

UTC_TIME: Final = 0x17
VERSION: Final = 0xA0
EXTENSIONS: Final = 0xA3
OCTET_STRING: Final = 0x04
SUBJECT_ALT_NAME: Final = bytes.fromhex("551d11")  # 2.5.29.17
DNS_NAME: Final = 0x82
IP_ADDRESS: Final = 0x87


@dataclass(frozen=True, slots=True)
class Certificate:
    """pem: the certificate alone, without its chain. names: in lower case, numbers as text."""

    pem: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


def read_certificate(text: str) -> Certificate:
    """Return what the first certificate of a PEM text says. Raises ValueError where there is none, or it is broken."""
    start = text.find(BEGIN)
    end = text.find(END, start)
    if start < 0 or end < 0:
        raise ValueError("no certificate in PEM form")
    pem = text[start : end + len(END)] + "\n"
    try:
        return _read(pem, ssl.PEM_cert_to_DER_cert(pem))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("a broken certificate") from error


def _read(pem: str, der: bytes) -> Certificate:
    ((_, outer),) = _values(der)
    _, to_be_signed = next(_values(outer))
    fields = [field for field in _values(to_be_signed) if field[0] != VERSION]
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, then what is optional
    not_before, not_after = (_time(kind, octets) for kind, octets in _values(fields[3][1]))
    names: tuple[str, ...] = ()
    for kind, octets in fields[6:]:
        if kind == EXTENSIONS:
            names = tuple(_alternative_names(octets))
    return Certificate(pem, names, not_before, not_after)


def _alternative_names(octets: bytes) -> Iterator[str]:
    ((_, extensions),) = _values(octets)
    for _, extension in _values(extensions):
        (_, identifier), *rest = _values(extension)
        if identifier != SUBJECT_ALT_NAME:
            continue
        wrapped = next(value for kind, value in rest if kind == OCTET_STRING)
        ((_, alternatives),) = _values(wrapped)
        for kind, value in _values(alternatives):
            if kind == DNS_NAME:
                yield value.decode("ascii").lower()
            elif kind == IP_ADDRESS:
                yield str(ipaddress.ip_address(value))


def _time(kind: int, octets: bytes) -> datetime:
    text = octets.decode("ascii")
    if kind == UTC_TIME:  # two digits of the year: 50 and later are of the last century (§4.1.2.5.1)
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _values(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of DER values that stand one after another."""
    position = 0
    while position < len(octets):
        kind, length = octets[position], octets[position + 1]
        position += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(octets[position : position + count])
            position += count
        yield kind, octets[position : position + length]
        position += length
