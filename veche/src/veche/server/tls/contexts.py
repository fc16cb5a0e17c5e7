"""From the operator's files to a context that shakes hands.

One job: certificates, keys and rules → ssl.SSLContext; what is wrong with a file → words an operator can act on.
Must not know: connections, when files change.
"""

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from veche.log import Level
from veche.server.errors import TlsError
from veche.server.settings.tls import TlsSettings
from veche.server.tls.certificates import Certificate, read_certificate

if TYPE_CHECKING:
    from veche.server.bridges.exchange import Reporter  # the master checks certificates without loading the bridges

SOON: Final = timedelta(days=14)

VERIFY_MODES: Final[Mapping[str, ssl.VerifyMode]] = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
VERSIONS: Final[Mapping[str, ssl.TLSVersion]] = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate that is shown, and the context that shows it."""

    file: str
    certificate: Certificate
    context: ssl.SSLContext

    def trouble(self, now: datetime) -> str | None:
        """Return what clients will say about its dates, None when nothing."""
        until = self.certificate.not_after
        if now >= until:
            return f"certificate {self.file} expired on {until:%Y-%m-%d}: clients refuse it; renew it"
        if now < self.certificate.not_before:
            return f"certificate {self.file} is valid from {self.certificate.not_before:%Y-%m-%d %H:%M} UTC only"
        if until - now < SOON:
            return f"certificate {self.file} expires on {until:%Y-%m-%d}; renew it"
        return None


@dataclass(frozen=True, slots=True)
class TlsContext:
    """`context` is what a handshake begins with; it changes to the identity that the client names."""

    context: ssl.SSLContext
    identities: tuple[Identity, ...]
    cipher_numbers: Mapping[str, int]

    def identity_of(self, context: ssl.SSLContext | None) -> Identity | None:
        """Return the identity that was shown."""
        return next((identity for identity in self.identities if identity.context is context), None)


def report_troubles(context: TlsContext, reporter: "Reporter") -> None:
    """Warn of dates that clients will refuse, now or soon."""
    now = datetime.now(UTC)
    for identity in context.identities:
        trouble = identity.trouble(now)
        if trouble is not None:
            reporter.log_message(trouble, level=Level.WARNING)


def files_of(settings: TlsSettings) -> tuple[str, ...]:
    """Return every file that a context is made of."""
    others = (settings.tls_key_password_file, settings.tls_client_ca)
    return (*settings.tls_certificate, *settings.tls_key, *filter(None, others))


def open_context(settings: TlsSettings, protocols: Sequence[str]) -> TlsContext:
    """Return the context for these settings, which offers the protocols (ALPN), the best first. Raises TlsError."""
    if not settings.tls_certificate:
        raise TlsError("an https:// bind needs a certificate; give --tls-certificate FILE and --tls-key FILE")
    if settings.tls_key and len(settings.tls_key) != len(settings.tls_certificate):
        raise TlsError(
            f"{len(settings.tls_certificate)} --tls-certificate but {len(settings.tls_key)} --tls-key; expected a key "
            "for each certificate in the same order, or none where each certificate's file holds its key"
        )
    keys = settings.tls_key or settings.tls_certificate
    identities = tuple(
        _identity(settings, certificate, key, protocols)
        for certificate, key in zip(settings.tls_certificate, keys, strict=True)
    )
    first = identities[0].context
    if len(identities) > 1:
        first.sni_callback = _chooser(identities)
    numbers = {cipher["name"]: cipher["id"] & 0xFFFF for cipher in first.get_ciphers()}
    return TlsContext(first, identities, numbers)


ServerNameCallback = Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]


def _chooser(identities: Sequence[Identity]) -> ServerNameCallback:
    """Return what takes the identity for a server name: exact names before wildcards, the first identity at last."""
    by_name: dict[str, ssl.SSLContext] = {}
    for identity in identities:
        for name in identity.certificate.names:
            by_name.setdefault(name, identity.context)

    def choose(connection: ssl.SSLObject, server_name: str | None, _context: ssl.SSLContext) -> None:
        if server_name is None:
            return
        name = server_name.lower().rstrip(".")
        chosen = by_name.get(name) or by_name.get("*." + name.partition(".")[2])
        if chosen is not None:
            connection.context = chosen

    return choose


def _identity(settings: TlsSettings, file: str, key_file: str, protocols: Sequence[str]) -> Identity:
    text, key_text = _read(file), _read(key_file)
    try:
        certificate = read_certificate(text)
    except ValueError as error:
        raise TlsError(f"{file} holds {error}; expected -----BEGIN CERTIFICATE-----, the server's own first") from error
    if "PRIVATE KEY-----" not in key_text:
        raise TlsError(f"{key_file} holds no private key; expected -----BEGIN PRIVATE KEY----- (see --tls-key)")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[settings.tls_least_version]
    # Renegotiation lets a client make us calculate as often as it likes; nothing of HTTP needs it.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    _load_pair(context, file, key_file, _password(settings, key_file))
    _set_ciphers(context, settings.tls_ciphers)
    _ask_for_client_certificate(context, settings)
    context.set_alpn_protocols(list(protocols))
    return Identity(file, certificate, context)


def _load_pair(context: ssl.SSLContext, file: str, key_file: str, password: Callable[[], str]) -> None:
    try:
        context.load_cert_chain(file, key_file, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(
                f"key {key_file} does not belong to certificate {file}; give the key that its request was signed with"
            ) from error
        raise TlsError(
            f"certificate {file} with key {key_file} cannot be used: {error.reason or error}; "
            f"look at them with `openssl x509 -in {file} -noout -text` and `openssl pkey -in {key_file} -noout -check`"
        ) from error


def _password(settings: TlsSettings, key_file: str) -> Callable[[], str]:
    """Return what OpenSSL calls for an encrypted key; without an answer of ours it would ask the terminal."""
    file = settings.tls_key_password_file

    def refuse() -> NoReturn:
        raise TlsError(
            f"key {key_file} is encrypted; put its password into a file and give --tls-key-password-file, "
            f"or decrypt it: `openssl pkey -in {key_file} -out plain.key`"
        )

    return (lambda: _read(file).partition("\n")[0]) if file else refuse


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    if not ciphers:
        return
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError as error:
        raise TlsError(f"no cipher matches --tls-ciphers {ciphers!r}; see `openssl ciphers -v`") from error


def _ask_for_client_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    context.verify_mode = VERIFY_MODES[settings.tls_client_certificate]
    if context.verify_mode == ssl.CERT_NONE:
        return
    if not settings.tls_client_ca:
        raise TlsError("--tls-client-certificate needs --tls-client-ca FILE with the authorities that sign them")
    _read(settings.tls_client_ca)
    try:
        context.load_verify_locations(settings.tls_client_ca)
    except ssl.SSLError as error:
        raise TlsError(f"{settings.tls_client_ca} holds no certificate of an authority in PEM form") from error


def _read(file: str) -> str:
    try:
        with open(file, encoding="ascii", errors="replace") as opened:
            return opened.read()
    except OSError as error:
        raise TlsError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from error
