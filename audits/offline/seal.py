"""Check the seal of a dossier's PDF and the files inside it. Needs pyHanko."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from asn1crypto import x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from audits.offline.report import Report

BECAUSE = "the seal covers the whole file, and nobody changed it since"
_BROKEN = (
    PdfError,
    SigningError,
    SignatureValidationError,
    ValidationError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OSError,
    RecursionError,
)


def check_seal(
    pdf: bytes,
    certificates: Sequence[bytes],
    attached: Mapping[str, bytes],
    content_sha256: str,
    report: Report,
) -> None:
    """Check signature, coverage and permissions; then what lies inside the PDF.

    `certificates` (DER) are those that may seal. What does not hold is a finding.
    """
    try:
        reader = PdfFileReader(io.BytesIO(pdf), strict=True)
        if not _sealed(reader, certificates, report):
            return
        inside = _attachments(reader)
        words = str(reader.trailer["/Info"]["/Keywords"])
    except _BROKEN as error:
        _add(report, f"the PDF cannot be checked: {type(error).__name__}: {error}")
        return
    for name in sorted(inside.keys() | attached.keys()):
        if inside.get(name) != _sha256(attached.get(name)):
            _add(report, f"{name} in the PDF is not {name} of the bundle")
    if f"SHA-256 {content_sha256}" not in words:
        _add(report, "the PDF names another content hash than that of dossier.json")
    report.checked.append(
        f"PDF and bundle agree: {len(inside)} files inside the PDF are those of the "
        "bundle, and its properties name the digest of dossier.json."
    )


def _sealed(
    reader: PdfFileReader, certificates: Sequence[bytes], report: Report
) -> bool:
    found = list(reader.embedded_signatures)
    if len(found) != 1:
        _add(report, f"the PDF has {len(found)} signatures, not one")
        return False
    (signature,) = found
    claimed = signature.self_reported_timestamp or datetime.now(UTC)
    roots = [x509.Certificate.load(one) for one in certificates]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, moment=claimed)
    status = validate_pdf_signature(signature, context)
    wrong = [
        words
        for words, holds in (
            ("its content was changed", status.intact),
            ("its signature does not hold", status.valid),
            ("who signed it is none that you trust", status.trusted),
            (
                "it does not cover the whole file",
                status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
            ),
            (
                "it was changed after it was sealed",
                status.modification_level == ModificationLevel.NONE,
            ),
            ("it allows changes", bool(status.docmdp_ok)),
        )
        if not holds
    ]
    for words in wrong:
        _add(report, f"the seal: {words}")
    if not wrong:
        _say(status, claimed, report)
    return not wrong


def _say(status: Any, claimed: datetime, report: Report) -> None:
    report.checked.append(
        "the seal of the PDF (PAdES): with a certificate that you trust, over the "
        f"whole file, no change allowed and none made; by {_name(status)}."
    )
    stamp = status.timestamp_validity
    if stamp is None:
        report.not_checked.append(
            f"when it was sealed: {claimed.isoformat()} is the installation's own word."
        )
    elif stamp.intact and stamp.valid:
        report.checked.append(
            f"the seal's time stamp (RFC 3161), {stamp.timestamp.isoformat()}."
        )
        report.not_checked.append("whether you trust the time-stamp authority.")
    else:
        _add(report, "the seal's time stamp does not hold")


def _name(status: Any) -> str:
    return str(status.signing_cert.subject.human_friendly)


def _attachments(reader: PdfFileReader) -> dict[str, str]:
    """The digests of the files inside, by name."""
    pairs = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    found: dict[str, str] = {}
    for place in range(1, len(pairs), 2):
        described = pairs[place]
        name = str(described["/UF"] if "/UF" in described else described["/F"])
        if name in found:
            raise ValueError(f"{name} stands twice in the PDF")
        found[name] = hashlib.sha256(described["/EF"]["/F"].data).hexdigest()
    return found


def _sha256(body: bytes | None) -> str:
    return "" if body is None else hashlib.sha256(body).hexdigest()


def _add(report: Report, what: str) -> None:
    report.found.add("seal", what, BECAUSE)
