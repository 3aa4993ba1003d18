"""What stands in an attachment: the sentence signed, the digest, the bytes."""

from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from audits.models import ForeignEvidence
from governance.evidence_types import title_of
from registry.digests import sha256_hex, sha256_of_json

_ENDINGS = {"pdf": "pdf", "json": "json", "csv": "csv", "text": "txt"}


class ContentLost(Exception):
    """The stored file is gone, or no longer what was attached."""


def statement(row: ForeignEvidence, method: str) -> str:
    """The exact sentence that the person signs, and by which method (21 CFR 11.50)."""
    return _(
        "I, %(name)s, attach to %(model)s, version %(version)s (SHA-256 %(digest)s), "
        "the document “%(title)s” (SHA-256 %(file)s) as %(kind)s. It was made by "
        "%(maker)s on %(day)s. Its outcome: %(outcome)s. I have read it, and vouch for "
        "its being what I say it is. I sign with: %(method)s."
    ) % {
        "method": _(method),
        "name": row.attached_by.printed_name,
        "model": row.version.model.name,
        "version": row.version.version,
        "digest": row.version.sha256,
        "title": row.title,
        "file": row.artifact.sha256,
        "kind": title_of(row.kind),
        "maker": f"{row.produced_by} ({row.tool})" if row.tool else row.produced_by,
        "day": row.produced_on.isoformat(),
        "outcome": ForeignEvidence.Outcome(row.outcome).label,
    }


def record_digest(row: ForeignEvidence) -> str:
    """SHA-256 that ties document, version, type, provenance, signature and time.

    An attachment copied to another version gives another digest (21 CFR 11.70).
    """
    signer = row.signer
    return sha256_of_json(
        {
            "version": str(row.version_id),
            "version_sha256": row.version.sha256,
            "kind": row.kind,
            "title": row.title,
            "outcome": str(row.outcome),
            "artifact_sha256": row.artifact.sha256,
            "produced_by": row.produced_by,
            "produced_on": row.produced_on.isoformat(),
            "tool": row.tool,
            "predicate_type": row.predicate_type,
            "signer": None
            if signer is None
            else {"slug": signer.slug, "public_key": signer.public_key},
            "statement": row.statement,
            "attached_by": str(row.attached_by_id),
            "attached_at": row.attached_at.isoformat(),
        }
    )


def content(row: ForeignEvidence) -> bytes:
    """The document, byte for byte as it was attached. Raises `ContentLost`."""
    try:
        with default_storage.open(row.artifact.storage_name) as file:
            found: bytes = file.read()
    except OSError as error:
        raise ContentLost(_("The stored file is gone.")) from error
    if sha256_hex(found) != row.artifact.sha256:
        raise ContentLost(_("The stored file is no longer what was attached."))
    return found


def envelope_text(row: ForeignEvidence) -> str:
    """The signed envelope as JSON; empty where a person signed.

    Raises `ContentLost`.
    """
    if row.signer is None:
        return ""
    return row.statement or content(row).decode()


def file_name(row: ForeignEvidence) -> str:
    """What a download is called; never as whoever sent it called the file."""
    ending = _ENDINGS.get(row.artifact.format, "bin")
    version = row.version
    return f"{version.model.slug}-{version.version}-{row.kind}.{ending}"


def download_headers(row: ForeignEvidence) -> dict[str, str]:
    """Headers under which no browser shows, guesses or runs what strangers sent."""
    return {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{file_name(row)}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
