"""JWTs made by hand: by another issuer, or by somebody who wants to get in."""

import base64
import hashlib
import hmac
import time
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.harness.processes.process import SECRET


def public_pem(key: PrivateKeyTypes) -> str:
    encoded = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode()


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to None leaves one out."""
    now = int(time.time())
    usual = {"sub": "7", "role": "customer", "type": "access", "jti": "j", "iat": now}
    merged = {**usual, "exp": now + 600, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes, secret: str = SECRET) -> str:
    """Whatever bytes they are, with a good HS256 signature."""
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def hs256(payload: Any, secret: str = SECRET, **header: Any) -> str:
    """JSON with a good signature."""
    return signed(
        orjson.dumps({"alg": "HS256", "typ": "JWT", **header}), orjson.dumps(payload), secret
    )
