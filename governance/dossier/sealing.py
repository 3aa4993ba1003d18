"""The organisation's seal on a dossier: PAdES, certifying, with a time stamp or not."""

import hashlib
import io
import logging
import time
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import (
    InvisSigSettings,
    MDPPerm,
    SigFieldSpec,
    SigSeedSubFilter,
)
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from audits.outside.http import CallFailed, post
from audits.outside.timestamps import QUERY, REPLY, NotStamped, verify_digest
from governance.permit import hardware
from governance.seal_key import SealKey, TokenKey, seal_key

FIELD = "Seal"
# Room for the signature with chain and time stamp; the rest is filled with zeros.
RESERVED = 2 * 24 * 1024
ATTEMPTS, PAUSE_SECONDS = 2, 1.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sealed:
    """A signed PDF; `level` is of ETSI EN 319 142-1, `note` says what is missing."""

    pdf: bytes
    level: str
    note: str = ""


class Writer(IncrementalPdfFileWriter):
    """Appends the signature, and leaves the metadata and dates as they were."""

    def _update_meta(self) -> None:
        """Keep the metadata of the content: pyHanko would put in its own."""


class Signer(signers.PdfSigner):
    """Stays in PDF 1.7, on which PDF/A-3 builds: no extension of PDF 2.0."""

    def register_extensions(
        self, pdf_out: BasePdfFileWriter, *, md_algorithm: str
    ) -> None:
        """Name the one extension of PAdES (ETSI EN 319 142-1, 5.6)."""
        pdf_out.register_extension(ESIC_EXTENSION_1)


class Authority(TimeStamper):
    """The configured time-stamp authority; every answer is verified before use."""

    async def async_request_tsa_response(
        self, req: tsp.TimeStampReq
    ) -> tsp.TimeStampResp:
        """Ask over HTTP, bounded in time and size.

        Raises `NotStamped`, and ImproperlyConfigured without roots to verify against.
        """
        try:
            answer = post(
                settings.FREIGABE_TSA_URL,
                req.dump(),
                headers={"Content-Type": QUERY, "Accept": REPLY},
            )
        except CallFailed as error:
            raise NotStamped(str(error)) from error
        if answer.status != 200:
            raise NotStamped(f"The time-stamp authority answers {answer.status}.")
        imprint = req["message_imprint"]["hashed_message"].native
        verify_digest(answer.body, imprint, nonce=req["nonce"].native)
        return tsp.TimeStampResp.load(answer.body)


def key_in_use(*, at: datetime) -> SealKey:
    """The key that seals now, in a token or in a file.

    Raises `SealUnusable`, and `permit.NoKey` where a token does not answer.
    """
    label = settings.FREIGABE_PKCS11_SEAL_KEY
    if not label:
        return seal_key(at=at)
    return seal_key(at=at, token=TokenKey(*hardware.find_ecdsa(label)))


def seal(pdf: bytes, *, key: SealKey, at: datetime) -> Sealed:
    """Sign the whole file so that every later change shows (DocMDP 1, no changes).

    Everything before the signature stays byte for byte. B-T with a configured
    authority; one that fails is asked again, then the seal is B-B and `note` says so.
    """
    if not settings.FREIGABE_TSA_URL:
        return Sealed(_signed(pdf, key, at, None), "B-B")
    failure = ""
    stamper = Authority()  # type: ignore[no-untyped-call]
    for attempt in range(ATTEMPTS):
        time.sleep(PAUSE_SECONDS if attempt else 0)
        try:
            return Sealed(_signed(pdf, key, at, stamper), "B-T")
        except (
            NotStamped,
            ImproperlyConfigured,
            TimestampRequestError,
            OSError,
            ValueError,
        ) as error:
            failure = str(error)
            logger.warning("No time stamp for a dossier: %s", failure)
    note = _("Sealed without a time stamp, because the authority failed: %(why)s")
    return Sealed(_signed(pdf, key, at, None), "B-B", note % {"why": failure})


def _signed(pdf: bytes, key: SealKey, at: datetime, stamper: Authority | None) -> bytes:
    meta = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        location=settings.FREIGABE_INSTANCE_URL,
        reason=_("Seal of the installation on the dossier that it made"),
    )
    # PDF/A wants it printable, PDF/UA outside the page: it is no part of the text.
    field = SigFieldSpec(
        FIELD,
        invis_sig_settings=InvisSigSettings(box_out_of_bounds=True),
        readable_field_name=_("Seal of the dossier"),
    )
    signer = Signer(
        meta, signer=_signer(key), timestamper=stamper, new_field_spec=field
    )
    out = io.BytesIO()
    writer = Writer(io.BytesIO(pdf), strict=True)
    signer.sign_pdf(writer, output=out, bytes_reserved=RESERVED)
    return out.getvalue()


def _signer(key: SealKey) -> signers.Signer:
    papers = [
        asn1_x509.Certificate.load(one.public_bytes(Encoding.DER))
        for one in (key.certificate, *key.chain)
    ]
    known = SimpleCertificateStore.from_certs(papers)  # type: ignore[no-untyped-call]
    if isinstance(key.private, TokenKey):
        return InToken(key.private, papers[0], known)
    private = key.private.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    return signers.SimpleSigner(
        signing_cert=papers[0],
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=known,
    )


class InToken(signers.Signer):
    """Signs with a key that stays in a PKCS#11 token."""

    def __init__(
        self,
        key: TokenKey,
        certificate: asn1_x509.Certificate,
        known: SimpleCertificateStore,
    ) -> None:
        """Know the key and its certificates."""
        super().__init__(signing_cert=certificate, cert_registry=known)
        self._key = key

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        """The signature in DER. Raises `permit.NoKey` where the token refuses."""
        return self._key.sign(hashlib.new(digest_algorithm, data).digest())
