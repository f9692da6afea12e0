"""Certificates of this host: for itself, and of an authority that nobody knows."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = ip_address("127.0.0.1")
PEM = serialization.Encoding.PEM


def certify(folder: Path) -> None:
    """A key and a certificate of this host for itself, in shop.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(str(HOST))
    signed = _for_this_host(key, name, issuer=name).sign(key, hashes.SHA256())
    _write(folder / "shop.pem", key, signed)


def certify_by_authority(folder: Path) -> None:
    """A key and a certificate of this host in host.pem, signed by an authority of its own, whose
    certificate is in authority.pem."""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = _name("a private authority")
    authority = (
        _begun(authority_key, name, issuer=name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "authority.pem").write_bytes(authority.public_bytes(PEM))
    signed = _for_this_host(key, _name(str(HOST)), issuer=name)
    _write(folder / "host.pem", key, signed.sign(authority_key, hashes.SHA256()))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    key: ec.EllipticCurvePrivateKey, name: x509.Name, *, issuer: x509.Name
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _for_this_host(
    key: ec.EllipticCurvePrivateKey, name: x509.Name, *, issuer: x509.Name
) -> x509.CertificateBuilder:
    this_host = x509.SubjectAlternativeName([x509.IPAddress(HOST)])
    return _begun(key, name, issuer=issuer).add_extension(this_host, critical=False)


def _write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    private = key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(PEM))
