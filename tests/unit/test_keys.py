"""Keys: their type decides which algorithms they verify."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from ordercast.errors import TokenInvalid
from ordercast.keys import PUBLIC, RSA, keys_of, public_key
from ordercast.settings import Settings
from ordercast.tokens import Tokens
from tests.harness.people.keys import claims, hs256, public_pem
from tests.harness.processes.process import SECRET
from tests.harness.servers.issuer import certificate, jwk, new_key

PRIVATE: dict[str, Any] = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}
ALGORITHMS = {
    "RSA": RSA,
    "P-256": {"ES256"},
    "P-384": {"ES384"},
    "P-521": {"ES512"},
    "Ed25519": {"EdDSA"},
    "Ed448": {"EdDSA"},
}
EACH = [(kind, name) for kind, names in ALGORITHMS.items() for name in sorted(names)]


@pytest.mark.parametrize(("kind", "algorithm"), EACH)
def test_a_token_of_every_algorithm_of_the_key_is_good(kind: str, algorithm: str) -> None:
    private = PRIVATE[kind]
    tokens = Tokens(Settings(JWT_PUBLIC_KEY=public_pem(private)))
    assert algorithm in tokens.algorithms
    assert tokens.read(jwt.encode(claims(), private, algorithm)).user_id == "7"


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_token_of_another_kind_of_key_is_refused(kind: str) -> None:
    tokens = Tokens(Settings(JWT_PUBLIC_KEY=public_pem(PRIVATE[kind])))
    for other, names in ALGORITHMS.items():
        for algorithm in names - set(ALGORITHMS[kind]):
            with pytest.raises(TokenInvalid, match="malformed") as caught:
                tokens.read(jwt.encode(claims(), PRIVATE[other], algorithm))
            assert f"its algorithm '{algorithm}' is none of" in caught.value.reason


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_public_key_is_never_the_secret_of_an_hmac(kind: str) -> None:
    pem = public_pem(PRIVATE[kind])
    tokens = Tokens(Settings(JWT_SECRET_KEY=SECRET, JWT_PUBLIC_KEY=pem))
    for secret in (pem, pem.strip(), SECRET, ""):
        for algorithm in ("HS256", "HS384", "none", *PUBLIC):
            with pytest.raises(TokenInvalid):
                tokens.read(hs256(claims(), secret, alg=algorithm))


def test_a_certificate_is_a_public_key() -> None:
    key = public_key(certificate(PRIVATE["RSA"]))
    assert key.algorithms == RSA


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_key_set_says_the_same_as_pem(kind: str) -> None:
    [key] = keys_of({"keys": [jwk(PRIVATE[kind], "one")]})
    assert (key.kid, key.algorithms) == ("one", ALGORITHMS[kind])


def test_a_key_that_names_its_algorithm_verifies_no_other() -> None:
    [key] = keys_of({"keys": [jwk(PRIVATE["RSA"], "one", alg="RS256")]})
    assert key.algorithms == {"RS256"}


USELESS: list[Any] = [
    None,
    "text",
    {},
    {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
    {"kty": "RSA", "kid": "nothing"},
    {"kty": "RSA", "kid": "odd", "n": 7, "e": []},
    {"kty": ["RSA"], "kid": "odd"},
    {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
    jwk(ec.generate_private_key(ec.SECP256K1()), "coin"),
    jwk(rsa.generate_private_key(65537, 1024), "short"),
    jwk(PRIVATE["RSA"], "encryption", use="enc"),
    jwk(PRIVATE["RSA"], "signs", key_ops=["sign"]),
    jwk(PRIVATE["RSA"], "wrapped", alg="RSA-OAEP"),
    jwk(PRIVATE["RSA"], "confused", alg="HS256"),
    jwk(PRIVATE["RSA"], "odd", alg=["RS256"]),
    {**jwk(PRIVATE["RSA"], None), "kid": 7},
]


def test_keys_that_verify_no_tokens_are_left_out() -> None:
    [key] = keys_of({"keys": [*USELESS, jwk(PRIVATE["P-256"], "good")]})
    assert key.kid == "good"


def test_a_private_key_in_a_set_verifies_and_is_not_kept() -> None:
    private = new_key()
    published = jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True)
    [key] = keys_of({"keys": [published]})
    assert isinstance(key.value, ec.EllipticCurvePublicKey)


def test_certificates_by_kid_are_a_key_set_too() -> None:
    document = {"one": certificate(PRIVATE["RSA"]), "two": "no certificate", "three": 3}
    [key] = keys_of(document)
    assert (key.kid, key.algorithms) == ("one", RSA)


@pytest.mark.parametrize(
    "document", [None, [], "text", {}, {"keys": None}, {"keys": []}, {"keys": USELESS}]
)
def test_a_document_without_a_key_that_verifies_tokens_is_none(document: Any) -> None:
    with pytest.raises(ValueError, match="no key that verifies tokens"):
        keys_of(document)
