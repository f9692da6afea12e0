"""The keys that tokens are signed with (RFC 7517, RFC 7518)."""

from typing import Literal

MIN_RSA_BITS = 2048  # RFC 7518 section 3.3


def key_algorithm(pem: str) -> Literal["RS256", "ES256"]:
    """The JWT algorithm (RFC 7518 section 3.1) of a PEM public key. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    wanted = "expected a public key in PEM, RSA or P-256"
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ValueError(wanted) from exc
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise ValueError(
                f"an RSA key has at least {MIN_RSA_BITS} bits, this one {key.key_size}"
            )
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise ValueError(wanted)
