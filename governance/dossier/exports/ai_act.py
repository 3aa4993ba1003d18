"""The EU AI Act: coverage of Annex IV and declaration of conformity, as JSON."""

from dataclasses import asdict
from typing import Any

from governance.dossier.annex_iv import coverage_of
from governance.dossier.conformity import conformity_of
from governance.dossier.content import Content
from governance.dossier.reading import is_high_risk, second
from registry.digests import canonical_json


def annex_iv(said: Content) -> bytes | None:
    """Each point with its coverage; pointers lead into dossier.json (RFC 6901)."""
    if not is_high_risk(said):
        return None
    points = [point for heading in coverage_of(said) for point in heading.points]
    counts: dict[str, int] = {}
    for point in points:
        counts[point.coverage] = counts.get(point.coverage, 0) + 1
    return canonical_json(
        {
            **_head(said, "freigabe-annex-iv/1"),
            "law": "Regulation (EU) 2024/1689, Annex IV (02024R1689-20260727)",
            "counts": counts,
            "points": [asdict(point) for point in points],
        }
    )


def declaration(said: Content) -> bytes | None:
    """Annex V, point by point, with who signed; `complete` says whether it counts."""
    found = conformity_of(said)
    if found is None:
        return None
    body = asdict(found)
    body["signatures"] = [
        {
            "printed_name": row.printed_name,
            "role": row.role,
            "meaning": row.meaning,
            "signed_at": second(row.signed_at),
            "statement": row.statement,
            "record_sha256": row.record_sha256,
            "holds": row.holds,
        }
        for row in found.signatures
    ]
    return canonical_json(
        {
            **_head(said, "freigabe-declaration-of-conformity/1"),
            "law": "Regulation (EU) 2024/1689, Article 47 and Annex V",
            "complete": found.complete,
            **body,
        }
    )


def _head(said: Content, form: str) -> dict[str, Any]:
    return {
        "format": form,
        "dossier": said.control.dossier_id,
        "as_of": second(said.control.as_of),
        "system": said.inventory.name,
        "version": said.version.version,
        "version_sha256": said.version.sha256,
    }
