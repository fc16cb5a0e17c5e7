"""What is wrong with certificates and keys is said in words that an operator can act on, before anything is bound."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.certificates import Authority
from veche.server.errors import TlsError
from veche.server.settings import ServerSettings
from veche.server.tls import open_context
from veche.server.tls.certificates import read_certificate


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def refusal(**settings: Any) -> str:
    with pytest.raises(TlsError) as caught:
        open_context(ServerSettings(**settings), ["http/1.1"])
    return str(caught.value)


def test_a_certificate_says_its_names_and_dates(authority: Authority) -> None:
    file, _ = authority.issue("Example.org", "*.example.org", "127.0.0.1", "::1")
    certificate = read_certificate(Path(file).read_text())
    assert certificate.names == ("example.org", "*.example.org", "127.0.0.1", "::1")
    said = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-enddate"], capture_output=True, text=True)
    assert said.stdout.strip() == f"notAfter={certificate.not_after:%b %e %H:%M:%S %Y} GMT"
    assert certificate.pem == ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(certificate.pem))


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        read_certificate(text)


def test_https_without_a_certificate_names_the_option() -> None:
    assert "--tls-certificate" in refusal()


def test_a_key_that_does_not_match_is_named_with_its_certificate(authority: Authority) -> None:
    (one, _), (_, other) = authority.issue("one.example"), authority.issue("two.example")
    assert refusal(tls_certificate=(one,), tls_key=(other,)).startswith(
        f"key {other} does not belong to certificate {one}"
    )


def test_a_file_that_is_not_there_is_named(authority: Authority) -> None:
    certificate, _ = authority.issue("one.example")
    assert refusal(tls_certificate=(certificate,), tls_key=("/no/such.key",)) == (
        "cannot read /no/such.key: no such file or directory"
    )


def test_a_folder_in_place_of_a_file_is_named(authority: Authority, tmp_path: Path) -> None:
    assert refusal(tls_certificate=(str(tmp_path),)) == f"cannot read {tmp_path}: is a directory"


def test_files_given_the_wrong_way_round_are_told_apart(authority: Authority) -> None:
    certificate, key = authority.issue("one.example")
    assert "expected -----BEGIN CERTIFICATE-----" in refusal(tls_certificate=(key,), tls_key=(certificate,))
    assert f"{certificate} holds no private key" in refusal(tls_certificate=(certificate,))


def test_another_number_of_keys_than_of_certificates_is_refused(authority: Authority) -> None:
    (one, key), (two, _) = authority.issue("one.example"), authority.issue("two.example")
    assert "2 --tls-certificate but 1 --tls-key" in refusal(tls_certificate=(one, two), tls_key=(key,))


def test_an_encrypted_key_needs_its_password_and_never_asks_the_terminal(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("one.example")
    encrypted, password = tmp_path / "encrypted.key", tmp_path / "password"
    password.write_text("open sesame\nanother line\n")
    subprocess.run(
        ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:open sesame", "-out", encrypted], check=True
    )
    pair = {"tls_certificate": (certificate,), "tls_key": (str(encrypted),)}
    assert "is encrypted; put its password into a file and give --tls-key-password-file" in refusal(**pair)
    assert open_context(ServerSettings(**pair, tls_key_password_file=str(password)), [])  # type: ignore[arg-type]  # two kinds of values
    password.write_text("wrong\n")
    assert str(encrypted) in refusal(**pair, tls_key_password_file=str(password))


def test_a_key_in_the_certificates_own_file_needs_no_option(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("one.example")
    both = tmp_path / "both.pem"
    both.write_bytes(Path(certificate).read_bytes() + Path(key).read_bytes())
    assert open_context(ServerSettings(tls_certificate=(str(both),)), [])


def test_asking_clients_for_certificates_needs_their_authorities(authority: Authority) -> None:
    certificate, key = authority.issue("one.example")
    pair: dict[str, Any] = {"tls_certificate": (certificate,), "tls_key": (key,)}
    assert "--tls-client-ca" in refusal(**pair, tls_client_certificate="required")
    assert "no certificate of an authority" in refusal(**pair, tls_client_certificate="required", tls_client_ca=key)


def test_ciphers_that_do_not_exist_are_refused(authority: Authority) -> None:
    certificate, key = authority.issue("one.example")
    assert "no cipher matches" in refusal(tls_certificate=(certificate,), tls_key=(key,), tls_ciphers="ROT13")


def test_dates_that_clients_refuse_are_told(authority: Authority) -> None:
    certificate, key = authority.issue("old.example", expired=True)
    (old,) = open_context(ServerSettings(tls_certificate=(certificate,), tls_key=(key,)), []).identities
    assert old.trouble(datetime(2024, 1, 1, tzinfo=UTC)) == (
        f"certificate {certificate} expired on 2020-01-01: clients refuse it; renew it"
    )
    assert "expires on 2020-01-01; renew it" in (old.trouble(datetime(2019, 12, 25, tzinfo=UTC)) or "")
    assert "is valid from 2019-01-01" in (old.trouble(datetime(2018, 12, 31, tzinfo=UTC)) or "")
    assert old.trouble(old.certificate.not_after - timedelta(days=30)) is None
