"""The keys that tokens are signed with (RFC 7515, RFC 7517, RFC 7518).

The type of a key decides which algorithms it verifies, and never a token's header: a public key
must not serve as an HMAC secret (RFC 8725 section 3.1).

key                 algorithms
a secret            HS256
RSA                 RS256 RS384 RS512 PS256 PS384 PS512
P-256 P-384 P-521   ES256 ES384 ES512
Ed25519 Ed448       EdDSA

`cryptography` is imported where a key is read: the settings of a team without one do not load it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

MIN_RSA_BITS = 2048  # RFC 7518 section 3.3
MAX_KEYS = 100  # of one document
RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
PUBLIC = tuple(sorted({*RSA, *CURVES.values(), "EdDSA"}))
WANTED = "expected a public key in PEM: RSA, P-256, P-384, P-521, Ed25519 or Ed448"


class Key(NamedTuple):
    """A key that verifies signatures; `kid` is its name in a key set."""

    value: Any  # bytes of a secret, or a public key of `cryptography`
    algorithms: frozenset[str]
    kid: str | None = None


def secret_key(secret: str) -> Key:
    return Key(secret.encode(), frozenset({"HS256"}))


def public_key(pem: str, kid: str | None = None) -> Key:
    """The key of a PEM public key or X.509 certificate. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    text = pem.encode()
    try:
        if b"-----BEGIN CERTIFICATE-----" in text:
            value: Any = load_pem_x509_certificate(text).public_key()
        else:
            value = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ValueError(WANTED) from exc
    return Key(value, _algorithms(value), kid)


def keys_of(document: object) -> list[Key]:
    """The keys of a key set: a JWK Set, {"keys": [...]}, or certificates, {kid: PEM}. Those that
    verify no tokens are left out: of encryption, of algorithms not listed above, too short, or
    secret. Raises ValueError if none is left."""
    found: list[Key] = []
    if isinstance(document, dict):
        is_set = isinstance(document.get("keys"), list)
        found = list(_of_set(document["keys"]) if is_set else _of_certificates(document))
    if not found:
        raise ValueError("it has no key that verifies tokens")
    return found


def _of_set(listed: list[Any]) -> Iterator[Key]:
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
    from jwt.exceptions import PyJWTError

    readers: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
    for jwk in listed[:MAX_KEYS]:
        if not (isinstance(jwk, dict) and _is_for_signatures(jwk)):
            continue
        reader = readers.get(str(jwk.get("kty")))
        kid = jwk.get("kid")
        if reader is None or not isinstance(kid, str | None):
            continue
        try:
            value = reader.from_jwk(jwk)
            value = value.public_key() if hasattr(value, "public_key") else value
            algorithms = _algorithms(value)
        except (PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            continue  # of another kind; the others of the set are good all the same
        named = jwk.get("alg")
        if named is not None:
            algorithms &= {named} if isinstance(named, str) else set()
        if algorithms:
            yield Key(value, algorithms, kid)


def _of_certificates(document: dict[Any, Any]) -> Iterator[Key]:
    for kid, pem in list(document.items())[:MAX_KEYS]:
        if isinstance(pem, str) and "-----BEGIN CERTIFICATE-----" in pem:
            try:
                yield public_key(pem, kid)
            except ValueError:
                continue  # of another kind; the others are good all the same


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    uses = jwk.get("key_ops")
    return jwk.get("use", "sig") == "sig" and (not isinstance(uses, list) or "verify" in uses)


def _algorithms(value: Any) -> frozenset[str]:
    """The algorithms of a public key. Raises ValueError for a key that verifies no tokens."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

    if isinstance(value, rsa.RSAPublicKey):
        if value.key_size < MIN_RSA_BITS:
            raise ValueError(
                f"an RSA key has at least {MIN_RSA_BITS} bits, this one {value.key_size}"
            )
        return RSA
    if isinstance(value, ec.EllipticCurvePublicKey) and value.curve.name in CURVES:
        return frozenset({CURVES[value.curve.name]})
    if isinstance(value, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return frozenset({"EdDSA"})
    raise ValueError(WANTED)
