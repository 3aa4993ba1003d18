"""The key with which the organisation seals dossiers, and its certificates.

ECDSA P-256 with a self-signed certificate that is made on first use; an operator may
put an own pair into the key folder (docs/dossier.md). Every certificate that ever
sealed stays, so that old dossiers can be verified.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.utils.translation import gettext as _

from audits.keys import KeyUnusable, create_file, read_private_key, replace_file
from governance.models import KeyCompromise

KEY, CERTIFICATES = "dossier.pem", "dossier.crt"
VALID = timedelta(days=3653)
LEAST_RSA_BITS = 3072
FileKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class TokenKey:
    """An ECDSA key that stays in a token: its public half, and what signs a digest."""

    public: ec.EllipticCurvePublicKey
    sign: Callable[[bytes], bytes]

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self.public


PrivateKey = FileKey | TokenKey


class SealUnusable(Exception):
    """The dossier's key or certificate cannot be used; the text says why."""


@dataclass(frozen=True)
class SealKey:
    """A private key with its certificate, and the chain that leads to a root."""

    private: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def id(self) -> str:
        """SHA-256 of the public key in SubjectPublicKeyInfo form, hexadecimal."""
        return _id(self.certificate)


def seal_key(*, at: datetime, token: TokenKey | None = None) -> SealKey:
    """The key that seals dossiers now; made on first use. Raises `SealUnusable`.

    With `token` that key signs, and its certificate must be there. Otherwise it is in
    a file.
    A key that is lost after it has sealed, whose certificate is another's or not
    valid at `at`, or that was reported as compromised is refused, never replaced.
    """
    try:
        key = _load(at, token)
    except (OSError, KeyUnusable, ValueError) as error:
        raise SealUnusable(str(error)) from error
    _require_usable(key, at)
    _keep(key.certificate)
    return key


def published() -> list[dict[str, Any]]:
    """Every certificate that seals or has sealed, as `keys.json` shows it.

    The one that seals now is the first. Raises `SealUnusable`.
    """
    try:
        now = [_split(_folder() / CERTIFICATES)[0]] if _exists() else []
        kept = [_split(path)[0] for path in sorted(_folder().glob("dossier-*.crt"))]
    except (OSError, ValueError, IndexError) as error:
        raise SealUnusable(str(error)) from error
    return [_entry(one) for one in dict.fromkeys([*now, *kept])]


def _exists() -> bool:
    return (_folder() / CERTIFICATES).exists()


def _entry(certificate: x509.Certificate) -> dict[str, Any]:
    public = certificate.public_key()
    kind = "RSA"
    if isinstance(public, ec.EllipticCurvePublicKey):
        kind = f"ECDSA {public.curve.name}"
    return {
        "use": "dossier",
        "keyid": _id(certificate),
        "algorithm": kind,
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def _load(at: datetime, token: TokenKey | None) -> SealKey:
    private = token or _in_file()
    paper = _folder() / CERTIFICATES
    if not isinstance(private, TokenKey) and not paper.exists():
        create_file(paper, _self_signed(private, at))
    certificate, *chain = _split(paper)
    return SealKey(private, certificate, tuple(chain))


def _in_file() -> FileKey:
    key, paper = _folder() / KEY, _folder() / CERTIFICATES
    if not key.exists() and (paper.exists() or any(_folder().glob("dossier-*.crt"))):
        raise KeyUnusable(
            _("The dossiers' key %(path)s is gone. Put it back from your copy.")
            % {"path": key}
        )
    if not key.exists():
        create_file(key, _fresh_key())
    private = read_private_key(key)
    if not isinstance(private, FileKey):
        raise KeyUnusable(
            _("%(path)s is neither an ECDSA nor an RSA key.") % {"path": key}
        )
    return private


def _require_usable(key: SealKey, at: datetime) -> None:
    paper = key.certificate
    if isinstance(key.private, rsa.RSAPrivateKey) and (
        key.private.key_size < LEAST_RSA_BITS
    ):
        raise SealUnusable(
            _("An RSA key that seals needs %(bits)s bits.") % {"bits": LEAST_RSA_BITS}
        )
    if _spki(paper.public_key()) != _spki(key.private.public_key()):
        raise SealUnusable(
            _("%(path)s is the certificate of another key.")
            % {"path": _folder() / CERTIFICATES}
        )
    if not paper.not_valid_before_utc <= at < paper.not_valid_after_utc:
        raise SealUnusable(
            _("The dossiers' certificate is valid from %(start)s to %(end)s only.")
            % {
                "start": f"{paper.not_valid_before_utc:%Y-%m-%d}",
                "end": f"{paper.not_valid_after_utc:%Y-%m-%d}",
            }
        )
    if KeyCompromise.objects.filter(key_id=key.id).exists():
        raise SealUnusable(_("The dossiers' key was reported as compromised."))


def _self_signed(key: FileKey, at: datetime) -> bytes:
    """A certificate for sealing (ETSI EN 319 412-3: a legal person's), PEM."""
    host = urlsplit(settings.FREIGABE_INSTANCE_URL).hostname or "freigabe"
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, host[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Freigabe dossiers, {host}"[:64]),
        ]
    )
    start = at.astimezone(UTC).replace(microsecond=0) - timedelta(minutes=5)
    usage = {
        "key_encipherment": False,
        "data_encipherment": False,
        "key_agreement": False,
        "key_cert_sign": False,
        "crl_sign": False,
        "encipher_only": False,
        "decipher_only": False,
    }
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, content_commitment=True, **usage),
            True,
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        )
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _fresh_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def _keep(certificate: x509.Certificate) -> None:
    path = _folder() / f"dossier-{_fingerprint(certificate)[:16]}.crt"
    try:
        if not path.exists():
            replace_file(path, certificate.public_bytes(Encoding.PEM))
    except OSError as error:
        raise SealUnusable(str(error)) from error


def _split(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _id(certificate: x509.Certificate) -> str:
    return hashlib.sha256(_spki(certificate.public_key())).hexdigest()


def _spki(key: Any) -> bytes:
    der: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def _folder() -> Path:
    return Path(settings.FREIGABE_KEYS_DIR)
