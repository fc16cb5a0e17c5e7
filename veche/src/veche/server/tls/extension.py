"""What an application is told of a TLS connection (ASGI TLS extension 0.2).

One job: from a connection whose handshake is done to the dict of the extension.
Must not know: sockets, scopes, environ.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from veche.server.tls.contexts import TlsContext

VERSION_NUMBERS: Final[Mapping[str, int]] = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}

# RFC 4514 §3; what stands not there keeps the long name that OpenSSL gives it.
SHORT_NAMES: Final[Mapping[str, str]] = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
ESCAPED: Final = str.maketrans({char: "\\" + char for char in ',+"\\<>;'} | {"\0": "\\00"})


def describe(connection: ssl.SSLObject, offered: TlsContext) -> dict[str, Any]:
    """Return server_cert, client_cert_chain, client_cert_name, client_cert_error, tls_version and cipher_suite."""
    identity = offered.identity_of(connection.context)
    chain = _client_chain(connection)
    verified = connection.getpeercert() if chain else None
    cipher = connection.cipher()
    return {
        "server_cert": identity.certificate.pem if identity else None,
        "client_cert_chain": chain,
        "client_cert_name": _distinguished_name(verified["subject"]) if verified else None,
        "client_cert_error": None,  # one that does not verify never gets past the handshake
        "tls_version": VERSION_NUMBERS.get(connection.version() or ""),
        "cipher_suite": offered.cipher_numbers.get(cipher[0]) if cipher else None,
    }


def _client_chain(connection: ssl.SSLObject) -> list[str]:
    whole = getattr(connection, "get_unverified_chain", None)  # Python 3.13; before it the client's own certificate
    own = connection.getpeercert(binary_form=True)
    if not own:
        return []  # 3.13 fails when it is asked for the chain of a client without a certificate
    return [ssl.DER_cert_to_PEM_cert(der) for der in (whole() if whole is not None else [own])]


def _distinguished_name(subject: Any) -> str:
    """Return a name as RFC 4514 writes it: the most special part first."""
    return ",".join(
        "+".join(f"{SHORT_NAMES.get(name, name)}={_escaped(value)}" for name, value in part)
        for part in reversed(subject)
    )


def _escaped(value: str) -> str:
    text = value.translate(ESCAPED)
    if text.startswith(("#", " ")):
        text = "\\" + text
    if text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1] + "\\ "
    return text
