"""TLS: certificates, and whom they are shown to."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from veche.server.settings.proxies import ProxySettings

ClientCertificate: TypeAlias = Literal["none", "optional", "required"]
LeastVersion: TypeAlias = Literal["1.2", "1.3"]


class TlsSettings(ProxySettings, frozen=True, kw_only=True):
    """For the binds that are written https://…"""

    tls_certificate: Annotated[
        tuple[str, ...],
        Meta(
            description="PEM file with the certificate and its chain. Several times for several certificates: the "
            "client's server name chooses, the first one is for whoever names none of them. Changed files are taken "
            "up by themselves.",
            extra={"unit": "file"},
        ),
    ] = ()
    tls_key: Annotated[
        tuple[str, ...],
        Meta(
            description="PEM file with the private key, one for each certificate in the same order; without any, the "
            "certificate's own file holds it.",
            extra={"unit": "file"},
        ),
    ] = ()
    tls_key_password_file: Annotated[
        str, Meta(description="File whose first line opens encrypted private keys.", extra={"unit": "file"})
    ] = ""
    tls_least_version: Annotated[LeastVersion, Meta(description="The oldest TLS version that is spoken.")] = "1.2"
    tls_ciphers: Annotated[
        str, Meta(description="Ciphers of TLS 1.2 as OpenSSL writes them; without it Python's choice.")
    ] = ""
    tls_client_certificate: Annotated[
        ClientCertificate, Meta(description="Whether clients are asked for a certificate.")
    ] = "none"
    tls_client_ca: Annotated[
        str, Meta(description="PEM file with the authorities that sign clients' certificates.", extra={"unit": "file"})
    ] = ""
    tls_handshake_seconds: Annotated[
        float,
        Meta(
            description="What comes before the first request (PROXY header, TLS handshake) must be done this long "
            "after the connection opened; else it is cut.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 10.0
    failed_handshake_log_seconds: Annotated[
        float,
        Meta(
            description="Of TLS handshakes and PROXY headers that fail, one of each kind is logged in so many seconds, "
            "with how many there have been; the metrics count them all.",
            extra={"unit": "seconds"},
            gt=0,
        ),
    ] = 60.0
    tls_close_seconds: Annotated[
        float,
        Meta(description="How long a peer may take to answer the end of TLS.", extra={"unit": "seconds"}, gt=0),
    ] = 5.0
