"""The permits that count, as a data document for Open Policy Agent.

A policy of the cluster looks a digest up and denies what it does not find. The document
says until when it may be believed; a copy that is older denies too (standards.md 2.9).
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from audits import log
from governance import gate, issued
from governance.gate import checking
from governance.models import GateDecision
from registry.digests import sha256_of_json

ROOT = "freigabe"
_RELATED = (
    "version__model",
    "authorisation__version",
    "authorisation__environment",
    "authorisation__request",
    "emergency__emergency",
)


@dataclass(frozen=True)
class Document:
    """What lies below `data.freigabe`, and its digest, which names the revision."""

    data: dict[str, Any]
    sha256: str


def document(rows: Iterable[GateDecision], *, at: datetime) -> Document:
    """The document of these permits. It is the same until one begins or stops to count,
    or half of its time is over.

    Empty while the log does not hold or the clock is wrong: then nothing may run.
    """
    lasts = timedelta(hours=settings.FREIGABE_REVOCATION_HOURS)
    step = max(1, int(lasts.total_seconds()) // 2)
    begun = datetime.fromtimestamp(int(at.timestamp()) // step * step, UTC)
    until = begun + lasts
    holds = (
        gate.log_check(at=at).passed
        and checking.clock(log.latest_checkpoint(), at=at).passed
    )
    data = {
        "issuer": settings.FREIGABE_INSTANCE_URL,
        "valid_until": until.isoformat(),
        "valid_until_unix": int(until.timestamp()),
        "permits": _permits(rows, at) if holds else {},
    }
    return Document(data, sha256_of_json(data))


def candidates(at: datetime) -> Any:
    """The permits whose time has not come, whether or not they still count."""
    rows = GateDecision.objects.filter(allowed=True, expires_at__gt=at)
    rows = rows.select_related(*_RELATED).prefetch_related("authorisation__changes")
    return rows.defer("checks", "vsa", "svr")


def _permits(rows: Iterable[GateDecision], at: datetime) -> dict[str, Any]:
    """By environment and SHA-256 of the file; of several the one that ends last."""
    found: dict[str, dict[str, Any]] = {}
    given = sorted(rows, key=lambda row: (str(row.expires_at), str(row.pk)))
    states = issued.states_of(given, at=at)
    for row in given:
        ground = row.emergency or row.authorisation
        if states[row.pk] not in issued.VALID or ground is None:
            continue
        if row.version is None or row.expires_at is None:
            continue
        place = found.setdefault(row.asked_environment, {})
        place[ground.artifact_sha256] = {
            "permit_id": str(row.pk),
            "model": row.version.model.slug,
            "version": row.version.version,
            "expires_at": row.expires_at.isoformat(),
            "expires_at_unix": int(row.expires_at.timestamp()),
            "break_glass": row.emergency is not None,
        }
    return found


def bundle(document: Document) -> bytes:
    """The document as a bundle: `data.json` and `.manifest`; the same bytes again."""
    manifest = {"revision": document.sha256, "roots": [ROOT]}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in (
            (".manifest", manifest),
            ("data.json", {ROOT: document.data}),
        ):
            written = json.dumps(content, sort_keys=True).encode()
            member = tarfile.TarInfo(name)
            member.size = len(written)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(written))
    return gzip.compress(packed.getvalue(), mtime=0)
