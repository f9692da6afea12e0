"""JWT_SECRET_KEY and JWT_PUBLIC_KEY: which keys are taken, and that none is repeated."""

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from app.config import load
from ordercast.keys import key_algorithm
from tests.harness.application.settings import GOOD, complaint, setting
from tests.harness.people.keys import public_pem

UNKNOWN_CURVE = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAEMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3OA==\n"
    "-----END PUBLIC KEY-----"
)
RSA_512 = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJ/Dxj66nNRlcU9DY/G0k+9xwYCUVzEF\n"
    "GBM9C/L1+kwdTIJ/uEyi/Uj22okYtcVNnyoabfizo7PHUlcS1FcEi0sCAwEAAQ==\n"
    "-----END PUBLIC KEY-----"
)


@pytest.mark.parametrize(
    "text", ["  ", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"]
)
def test_a_secret_that_hmac_cannot_use_is_refused_and_not_repeated(text: str) -> None:
    line = complaint(JWT_SECRET_KEY=text)
    assert line.startswith("JWT_SECRET_KEY is wrong: expected random text")
    assert "hunter2" not in line


@pytest.mark.parametrize("text", ["x", "hunter2", "a" * 31, "\u00e9" * 15])
def test_a_secret_that_is_too_short_stops_the_start_and_how_to_make_one_is_said(text: str) -> None:
    line = complaint(JWT_SECRET_KEY=text)
    assert line.startswith("JWT_SECRET_KEY is wrong: expected at least 32 bytes; make one with")
    assert "token_hex(32)" in line
    assert len(text) < 3 or text not in line


@pytest.mark.parametrize(
    "text", ["x" * 64, "ab" * 32, "changeme" * 8, "0" * 63 + "1", "1234567890" * 4, "hunter2!" * 5]
)
def test_a_secret_that_repeats_itself_stops_the_start(text: str) -> None:
    line = complaint(JWT_SECRET_KEY=text)
    assert line.startswith("JWT_SECRET_KEY is wrong: it repeats itself and is easily guessed; make")
    assert text not in line


@pytest.mark.parametrize("bytes", [32, 64])
def test_random_secrets_are_taken_however_they_are_written(bytes: int) -> None:
    for text in (secrets.token_hex(bytes), secrets.token_urlsafe(bytes)):
        assert setting("JWT_SECRET_KEY", text) == text


@pytest.mark.parametrize("bits", [1024, 2047])
def test_an_rsa_key_that_is_too_short_is_refused(bits: int) -> None:
    pem = public_pem(rsa.generate_private_key(65537, bits))
    line = complaint(JWT_PUBLIC_KEY=pem)
    assert line == (f"JWT_PUBLIC_KEY is wrong: an RSA key has at least 2048 bits, this one {bits}")


def test_the_key_of_512_bits_that_was_once_enough_is_refused() -> None:
    assert "at least 2048 bits, this one 512" in complaint(JWT_PUBLIC_KEY=RSA_512)


@pytest.mark.parametrize(
    "text", ["hunter2", "-----BEGIN PUBLIC KEY-----\nhunter2\n-----END PUBLIC KEY-----"]
)
def test_what_is_no_pem_is_refused_and_not_repeated(text: str) -> None:
    line = complaint(JWT_PUBLIC_KEY=text)
    assert line.startswith("JWT_PUBLIC_KEY is wrong: expected a public key in PEM")
    assert "hunter2" not in line


def test_a_public_key_may_be_rsa_or_p_256() -> None:
    rs = public_pem(rsa.generate_private_key(65537, 2048))
    es = public_pem(ec.generate_private_key(ec.SECP256R1()))
    assert setting("JWT_PUBLIC_KEY", rs) == rs
    assert setting("JWT_PUBLIC_KEY", es) == es
    assert (key_algorithm(rs), key_algorithm(es)) == ("RS256", "ES256")


def test_a_public_key_on_one_line_with_backslash_n_is_read() -> None:
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))
    on_one_line = pem.replace("\n", "\\n")
    assert setting("JWT_PUBLIC_KEY", on_one_line) == pem


@pytest.mark.parametrize(
    "pem",
    [
        public_pem(ec.generate_private_key(ec.SECP384R1())),
        public_pem(ec.generate_private_key(ec.SECP256K1())),
        public_pem(ed25519.Ed25519PrivateKey.generate()),
        UNKNOWN_CURVE,
    ],
    ids=["P-384", "secp256k1", "Ed25519", "unknown"],
)
def test_any_other_key_is_refused(pem: str) -> None:
    assert "expected a public key in PEM, RSA or P-256" in complaint(JWT_PUBLIC_KEY=pem)


def test_a_private_key_in_the_place_of_the_public_one_is_refused_and_not_repeated() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    line = complaint(JWT_PUBLIC_KEY=pem)
    assert line.startswith("JWT_PUBLIC_KEY is wrong: ")
    assert pem.splitlines()[1] not in line


@pytest.mark.parametrize("text", ["1", "true", "on", "yes"])
def test_accounts_here_beside_another_issuer_stop_the_start(text: str) -> None:
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))
    line = complaint(JWT_PUBLIC_KEY=pem, LOCAL_ACCOUNTS=text)
    assert line.startswith("LOCAL_ACCOUNTS is wrong: with JWT_PUBLIC_KEY the users are another")


def test_people_register_here_unless_the_users_are_another_issuers() -> None:
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))
    assert load(GOOD).has_local_accounts
    assert load({**GOOD, "LOCAL_ACCOUNTS": ""}).has_local_accounts
    assert not load({**GOOD, "LOCAL_ACCOUNTS": "0"}).has_local_accounts
    assert not load({**GOOD, "JWT_PUBLIC_KEY": pem}).has_local_accounts
    assert not load({**GOOD, "JWT_PUBLIC_KEY": pem, "LOCAL_ACCOUNTS": "off"}).has_local_accounts
