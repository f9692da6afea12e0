"""JWT_SECRET_KEY and JWT_PUBLIC_KEY: which keys are taken, and that none is repeated."""

import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from app.config import ConfigError, load
from ordercast.keys import RSA, public_key
from ordercast.settings import Settings as LibrarySettings
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


def test_a_public_key_may_be_of_any_kind_that_signs_tokens() -> None:
    private: dict[str, Any] = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES384": ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
    for algorithm, key in private.items():
        pem = public_pem(key)
        assert setting("JWT_PUBLIC_KEY", pem) == pem
        assert public_key(pem).algorithms == (RSA if algorithm == "RS256" else {algorithm})


def test_a_public_key_on_one_line_with_backslash_n_is_read() -> None:
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))
    on_one_line = pem.replace("\n", "\\n")
    assert setting("JWT_PUBLIC_KEY", on_one_line) == pem


@pytest.mark.parametrize(
    "pem",
    [
        public_pem(ec.generate_private_key(ec.SECP256K1())),
        public_pem(x25519.X25519PrivateKey.generate()),
        UNKNOWN_CURVE,
    ],
    ids=["secp256k1", "X25519", "unknown"],
)
def test_any_other_key_is_refused(pem: str) -> None:
    assert "expected a public key in PEM: RSA, P-256, P-384, P-521" in complaint(JWT_PUBLIC_KEY=pem)


def test_a_private_key_in_the_place_of_the_public_one_is_refused_and_not_repeated() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    line = complaint(JWT_PUBLIC_KEY=pem)
    assert line.startswith("JWT_PUBLIC_KEY is wrong: ")
    assert pem.splitlines()[1] not in line


KEYS_URL = "https://id.example/keys"
NO_URLS = [
    "id.example/keys",
    "file:///etc/passwd",
    "ftp://id.example/keys",
    "https://",
    "https:///keys",
    "https://id.example:port/",
    "https://alice:hunter2@id.example/keys",
    "https://id.example/a b",
    "https://id.example/\n",
    "https://[::1/keys",
]


@pytest.mark.parametrize("text", NO_URLS)
def test_what_is_no_url_of_a_key_set_is_refused_and_not_repeated(text: str) -> None:
    line = complaint(JWT_JWKS_URL=text)
    assert line.startswith("JWT_JWKS_URL is wrong: expected http(s)://host/path, without a user")
    assert "hunter2" not in line


def test_a_key_set_and_a_key_are_two_issuers() -> None:
    pem = public_pem(ec.generate_private_key(ec.SECP256R1()))
    line = complaint(JWT_PUBLIC_KEY=pem, JWT_JWKS_URL=KEYS_URL)
    assert line == "JWT_JWKS_URL is wrong: JWT_PUBLIC_KEY is set too: one issuer at a time"


def test_several_audiences_are_listed_with_commas() -> None:
    assert setting("JWT_AUDIENCE", "shop, https://shop.example/api,") == (
        "shop",
        "https://shop.example/api",
    )


@pytest.mark.parametrize("name", ["JWT_ISSUER", "JWT_AUDIENCE"])
def test_what_tokens_have_to_say_is_refused_where_none_is_verified(name: str) -> None:
    line = f"ORDERCAST_{name} is wrong: no token is verified without JWT_SECRET_KEY, JWT_PUBLIC_KEY"
    with pytest.raises(ConfigError, match=line):
        LibrarySettings.of({f"ORDERCAST_{name}": "shop"})
    assert LibrarySettings.of({f"ORDERCAST_{name}": "shop", "ORDERCAST_JWT_JWKS_URL": KEYS_URL})


ANOTHER = {
    "JWT_PUBLIC_KEY": public_pem(ec.generate_private_key(ec.SECP256R1())),
    "JWT_JWKS_URL": KEYS_URL,
    "JWT_ISSUER": "https://id.example/",
}


@pytest.mark.parametrize("name", ANOTHER)
def test_accounts_here_beside_another_issuer_stop_the_start(name: str) -> None:
    for text in ("1", "true", "on", "yes"):
        line = complaint(**{name: ANOTHER[name], "LOCAL_ACCOUNTS": text})
        assert line.startswith(f"LOCAL_ACCOUNTS is wrong: with {name} the users are another")


@pytest.mark.parametrize("name", ANOTHER)
def test_people_register_here_unless_the_users_are_another_issuers(name: str) -> None:
    assert load(GOOD).has_local_accounts
    assert load({**GOOD, "LOCAL_ACCOUNTS": ""}).has_local_accounts
    assert not load({**GOOD, "LOCAL_ACCOUNTS": "0"}).has_local_accounts
    assert not load({**GOOD, name: ANOTHER[name]}).has_local_accounts
    assert not load({**GOOD, name: ANOTHER[name], "LOCAL_ACCOUNTS": "off"}).has_local_accounts


def test_the_issuer_of_the_tokens_made_here_is_no_other() -> None:
    line = complaint(JWT_ISSUER="ordercast")
    assert line.startswith("JWT_ISSUER is wrong: 'ordercast' is the issuer of the tokens that are")
