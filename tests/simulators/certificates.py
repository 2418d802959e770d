"""Certificates as printers have them: a private authority, the serial as common name, no host."""

import datetime as dt
import hashlib
import ssl
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A leaf certificate with its key, as PEM, and its fingerprint."""

    common_name: str
    pem: bytes
    der: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex."""
        return hashlib.sha256(self.der).hexdigest()

    def context(self, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
        """Return a server context. Real X1 and H2 machines speak TLS 1.2 at most."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = newest
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "leaf.pem"
            path.write_bytes(self.pem)
            context.load_cert_chain(path)
        return context


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Simulated printers"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@cache
def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Name]:
    return ec.generate_private_key(ec.SECP256R1()), _name("Simulated Device CA")


def issue(common_name: str) -> Certificate:
    """Issue a new certificate; each has its own key, so its own fingerprint."""
    signer, issuer = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + leaf.public_bytes(serialization.Encoding.PEM)
    return Certificate(common_name, pem, leaf.public_bytes(serialization.Encoding.DER))


issue_once = cache(issue)
"""The same, but one and the same certificate per name: a fleet starts faster."""
