"""The originals inside the PDF: evidence, permits, proofs, keys and policy."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from audits import merkle, past
from audits.models import EvidenceReport
from audits.offline.extract import LEAF
from governance import permit
from governance.dossier import content
from governance.dossier.decisions import subject_name
from governance.dossier.evidence import attachment_name
from governance.models import ApprovalRequest, GateDecision, PolicyPack
from registry.digests import sha256_hex
from registry.models import ModelVersion

DOSSIER_NAME = "dossier.json"


class NoKeys(Exception):
    """The public keys cannot be attached, so nobody could verify the dossier."""


@dataclass(frozen=True)
class File:
    """An attached file: its bytes, and what is said of it."""

    facts: content.Attached
    body: bytes


def file_of(
    *, name: str, description: str, body: bytes, media_type: str, relationship: str
) -> File:
    """A file with its digest; `relationship` is of ISO 32000-2, 7.11.3."""
    return File(
        content.Attached(
            name=name,
            description=description,
            media_type=media_type,
            relationship=relationship,
            size=len(body),
            sha256=sha256_hex(body),
        ),
        body,
    )


def dossier_file(document: bytes) -> File:
    """The data behind every number of the PDF."""
    return file_of(
        name=DOSSIER_NAME,
        description=_("All data of this dossier"),
        body=document,
        media_type="application/json",
        relationship="Source",
    )


def originals(
    *,
    version: ModelVersion,
    reports: Mapping[str, EvidenceReport],
    requests: Iterable[ApprovalRequest],
    permits: Iterable[GateDecision],
    packs: Iterable[PolicyPack],
    extract: Mapping[str, Any],
    at: datetime,
) -> tuple[File, ...]:
    """Every original byte for byte as stored, sorted by name. Raises `NoKeys`."""
    files = [
        _json("version-manifest.json", _("Manifest of the version"), version.manifest),
        _proof("keys.json", _("Public keys"), _keys(at), "application/json"),
        *_log(extract),
    ]
    files += _reports(reports)
    for request in requests:
        said = _("Record that was signed: %(name)s") % {"name": request.environment}
        files.append(_json(subject_name(request), said, request.subject))
    for decision in permits:
        name = f"permit-{decision.asked_environment}.dsse.json"
        said = _("Permit: %(name)s") % {"name": decision.asked_environment}
        files.append(_proof(name, said, decision.permit, "application/json"))
    files += [_pack(pack) for pack in packs]
    return tuple(sorted(files, key=lambda item: item.facts.name))


def public(
    *,
    reports: Mapping[str, EvidenceReport],
    packs: Iterable[PolicyPack],
    extract: Mapping[str, Any],
    at: datetime,
) -> tuple[File, ...]:
    """What names nobody: keys, policy, and the log's leaves without what they say.

    Who gets a body from an insider finds its hash here, proved to be in the log.
    `reports` are those that may go out. Raises `NoKeys`.
    """
    leaves = [
        {
            "index": row["index"],
            LEAF: base64.b64encode(merkle.leaf_hash(row["body"].encode())).decode(),
            "proof": row["proof"],
        }
        for row in extract["entries"]
    ]
    files = proofs(packs=packs, extract={**extract, "entries": leaves}, at=at)
    return tuple(sorted((*files, *_reports(reports)), key=lambda item: item.facts.name))


def proofs(
    *, packs: Iterable[PolicyPack], extract: Mapping[str, Any], at: datetime
) -> tuple[File, ...]:
    """What a portfolio is checked with: keys, policy, log entries with proofs.

    Raises `NoKeys`.
    """
    files = [
        _proof("keys.json", _("Public keys"), _keys(at), "application/json"),
        *_log(extract),
        *(_pack(pack) for pack in packs),
    ]
    return tuple(sorted(files, key=lambda item: item.facts.name))


def _reports(reports: Mapping[str, EvidenceReport]) -> list[File]:
    return [
        _json(
            attachment_name(kind),
            _("Evidence report: %(kind)s") % {"kind": kind},
            report.document,
        )
        for kind, report in reports.items()
    ]


def _log(extract: Mapping[str, Any]) -> tuple[File, File]:
    return (
        _proof(
            "log-extract.json",
            _("Log entries with inclusion proofs"),
            json.dumps(extract, ensure_ascii=False),
            "application/json",
        ),
        _proof(
            "checkpoint.txt",
            _("Signed checkpoint of the log"),
            str(extract["checkpoint"]),
            "text/plain",
        ),
    )


def _pack(pack: PolicyPack) -> File:
    name = f"policy-{pack.slug}-{pack.version}.yaml"
    said = _("Policy pack %(name)s") % {"name": f"{pack.slug} {pack.version}"}
    return _proof(name, said, pack.document, "application/yaml")


def _json(name: str, description: str, text: str) -> File:
    return file_of(
        name=name,
        description=description,
        body=text.encode(),
        media_type="application/json",
        relationship="Data",
    )


def _proof(name: str, description: str, text: str, media_type: str) -> File:
    return file_of(
        name=name,
        description=description,
        body=text.encode(),
        media_type=media_type,
        relationship="Supplement",
    )


def _keys(at: datetime) -> str:
    """The public keys, as `/.well-known/freigabe/keys.json` shows them today.

    Also in a dossier of the past: it must not vouch for a key reported since.
    """
    try:
        with past.today():
            return json.dumps(permit.public_keys(at=at), indent=1)
    except permit.NoKey as error:
        raise NoKeys(
            _("The public keys cannot be read: %(why)s") % {"why": error}
        ) from error
