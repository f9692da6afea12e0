"""An issuer of tokens, with its key set over HTTP: it rotates, fails and comes back."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

READERS: dict[type[Any], Any] = {
    rsa.RSAPrivateKey: RSAAlgorithm,
    ec.EllipticCurvePrivateKey: ECAlgorithm,
    ed25519.Ed25519PrivateKey: OKPAlgorithm,
    ed448.Ed448PrivateKey: OKPAlgorithm,
}


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that is made at once; RSA takes a while."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(private: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    """The public key as JSON (RFC 7517)."""
    reader = next(reader for kind, reader in READERS.items() if isinstance(private, kind))
    named = {} if kid is None else {"kid": kid}
    return {**reader.to_jwk(private.public_key(), as_dict=True), **named, **more}


def certificate(private: Any) -> str:
    """A self-signed X.509 certificate in PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer.example")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


class Issuer:
    """`keys`: its private keys by kid, all of which it publishes. `status`: what it answers."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self.keys = dict(keys)
        self.as_certificates = False
        self.status = 200
        self.body: bytes | None = None  # in the place of the key set
        self.asked = 0  # how often it was asked for its keys
        self.speaks = threading.Event()  # cleared: a request waits until it is set again
        self.speaks.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @cached_property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def document(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.as_certificates:
            return json.dumps({kid: certificate(key) for kid, key in self.keys.items()}).encode()
        listed = [jwk(key, kid, use="sig") for kid, key in self.keys.items()]
        return json.dumps({"keys": listed}).encode()

    def token(self, claims: Mapping[str, Any], kid: str, algorithm: str = "ES256") -> str:
        return jwt.encode(dict(claims), self.keys[kid], algorithm, headers={"kid": kid})

    @property
    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.speaks.wait(30)
                body = issuer.document()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                if 300 <= issuer.status < 400:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.speaks.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@contextmanager
def issuer(keys: Mapping[str, Any] | None = None) -> Iterator[Issuer]:
    """An issuer with these keys, or with one named `one`."""
    made = Issuer({"one": new_key()} if keys is None else keys)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def foreign(**changes: Any) -> dict[str, Any]:
    """Good claims of an issuer that knows nothing of this service; a change to None leaves one
    out."""
    now = int(time.time())
    usual = {"iss": "https://id.example/", "sub": "u-7", "iat": now, "exp": now + 600}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}
