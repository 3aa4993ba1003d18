"""The bundle: one zip with the PDF, all files and a signed list of them."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audits.bundles import MANIFEST, PDF, PREDICATE, SIGNED
from governance import permit
from governance.dossier.collect import Collected
from governance.models import Dossier
from registry.digests import canonical_json, sha256_hex

_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)  # what a zip can say
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3


def bundle_of(
    dossier: Dossier, collected: Collected, pdf: bytes, *, at: datetime
) -> bytes:
    """The zip; the same files, signed at the same time, give the same bytes.

    The list of files is an in-toto statement, signed by the gate's key: who checks it
    needs no library for PDF. Call it inside an act. Raises `permit.NoKey`.
    """
    files = {item.facts.name: item.body for item in collected.files}
    statement = _statement(dossier, collected, pdf, at=at)
    (envelope,) = permit.sign([statement], at=at)
    return zipped(
        {
            **files,
            PDF: pdf,
            MANIFEST: canonical_json(statement),
            SIGNED: envelope.encode(),
        },
        at=dossier.as_of,
    )


def zipped(files: Mapping[str, bytes], *, at: datetime) -> bytes:
    """A zip of these files, sorted, all dated `at`: without chance."""
    moment = max(at.astimezone(UTC), _EARLIEST).timetuple()[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, moment)
            info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
            kind = zipfile.ZIP_STORED if name == PDF else zipfile.ZIP_DEFLATED
            packed.writestr(info, files[name], kind)
    return out.getvalue()


def _statement(
    dossier: Dossier, collected: Collected, pdf: bytes, *, at: datetime
) -> dict[str, Any]:
    attached = [item.facts for item in collected.files]
    digests = {item.name: item.sha256 for item in attached} | {PDF: sha256_hex(pdf)}
    return {
        "_type": permit.STATEMENT,
        "subject": [
            {"name": name, "digest": {"sha256": digests[name]}}
            for name in sorted(digests)
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "dossier_id": str(dossier.pk),
            "variant": dossier.variant,
            "part": dossier.part,
            "language": dossier.language,
            "as_of": dossier.as_of.isoformat(),
            "issuer": settings.FREIGABE_INSTANCE_URL,
            "issued_at": at.isoformat(),
            "content_sha256": collected.document.facts.sha256,
            "seal": {"key_id": dossier.seal_key_id, "level": dossier.seal_level},
            "files": json.loads(json.dumps([asdict(item) for item in attached])),
        },
    }
