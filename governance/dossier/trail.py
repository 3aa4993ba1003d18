"""The audit trail of a version: its log entries, their places, and the proofs."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Q
from django.utils.translation import gettext as _

from audits import log, merkle, note, tiles
from audits.models import (
    Checkpoint,
    Entry,
    EvidenceReport,
    EvidenceRun,
    EvidenceSigner,
    ForeignEvidence,
    Leaf,
    Measurement,
    Verification,
)
from governance.dossier import (
    content,
    debated,
    decisions,
    declarations,
    exceptions,
    lives,
    risks,
)
from governance.models import ApprovalRequest as Request
from governance.models import (
    Authorisation,
    AuthorisationChange,
    GateDecision,
    PolicyPack,
    RecordSignature,
    Signature,
    SignatureAttempt,
    StatusChange,
    Withdrawal,
)
from registry.models import (
    Artifact,
    Dataset,
    DatasetVersion,
    Deployment,
    ModelVersion,
    RegisteredModel,
    Run,
    User,
    VersionArtifact,
    VersionDataset,
)

EXTRACT_NAME = "log-extract.json"
MOST_PRINTED = 400
# One entry each; printed as a count, because the numbers stand in their own tables.
_COUNTED = frozenset({f"public.{Measurement._meta.db_table}"})


@dataclass(frozen=True)
class Extract:
    """The trail as printed, and the file that `python -m audits.offline` reads."""

    trail: content.Trail
    document: dict[str, Any]


@dataclass(frozen=True)
class _Placed:
    entry: Entry
    index: int
    leaf_hash: bytes


def extract_of(version: ModelVersion, *, at: datetime) -> Extract:
    """The log entries of everything that a version's dossier names, with proofs.

    Raises as `extract_for`.
    """
    return extract_for(_rows_of(version, at=at), at=at, example=ModelVersion)


def extract_for(
    rows_of: Mapping[type[Model], set[UUID]], *, at: datetime, example: type[Model]
) -> Extract:
    """The log entries of these rows, with inclusion proofs; one of `example` is worked.

    Proved in the smallest signed tree that covers them, so that a second build of the
    same dossier shows the same checkpoint. Raises `log.NotYetSigned`,
    and `keys.KeyUnusable` or OSError where the log's key cannot be read.
    """
    placed = _placed(rows_of, at=at)
    signed = _covering(placed)
    node = tiles.node_reader(signed.tree_size)
    rows = []
    for item in placed:
        proof = merkle.inclusion_proof(
            index=item.index, size=signed.tree_size, node=node
        )
        encoded = [base64.b64encode(value).decode() for value in proof]
        rows.append({"index": item.index, "body": item.entry.body, "proof": encoded})
    document = {
        "format": log.EXTRACT_FORMAT,
        "checkpoint": signed.note,
        "entries": rows,
    }
    worked = _example(placed, rows, f"public.{example._meta.db_table}")
    return Extract(_trail(placed, signed, worked, at=at), document)


def _example(
    placed: list[_Placed], rows: list[dict[str, Any]], rel: str
) -> content.ProofExample | None:
    """The proof of the first entry of a table: the registration."""
    for item, row in zip(placed, rows, strict=True):
        if item.entry.rel == rel:
            hashes = (base64.b64decode(value).hex() for value in row["proof"])
            return content.ProofExample(item.index, item.leaf_hash.hex(), tuple(hashes))
    return None


def _placed(rows_of: Mapping[type[Model], set[UUID]], *, at: datetime) -> list[_Placed]:
    chosen = Q(pk__in=[])
    for model, keys in rows_of.items():
        rel = f"public.{model._meta.db_table}"
        chosen |= Q(rel=rel, pk_text__in=[str(key) for key in keys])
    entries = {
        entry.entry_id: entry
        for entry in Entry.objects.filter(chosen, occurred_at__lte=at)
    }
    leaves = Leaf.objects.filter(entry_id__in=entries).order_by("leaf_index")
    placed = [
        _Placed(entries[leaf.entry_id], leaf.leaf_index, bytes(leaf.leaf_hash))
        for leaf in leaves
    ]
    if len(placed) < len(entries):
        raise log.NotYetSigned(
            _("%(count)s log entries of this version have no place in the tree yet.")
            % {"count": len(entries) - len(placed)}
        )
    return placed


def _covering(placed: list[_Placed]) -> Checkpoint:
    last = max((item.index for item in placed), default=0)
    found = Checkpoint.objects.filter(tree_size__gt=last).order_by("tree_size").first()
    if found is None:
        raise log.NotYetSigned(
            _("No signed checkpoint covers the latest entries of this version yet.")
        )
    return found


def _rows_of(version: ModelVersion, *, at: datetime) -> dict[type[Model], set[UUID]]:
    """The keys of every row that the dossier rests on."""
    requests = version.approval_requests.all()
    named = DatasetVersion.objects.filter(
        Q(version_datasets__version=version) | Q(evidence_runs__version=version)
    )
    gate = [
        *decisions.denials_of(version, at=at),
        *decisions.permits_of(version, at=at),
        *GateDecision.objects.filter(pk__in=version.deployments.values("decision_id")),
    ]
    foreign = ForeignEvidence.objects.filter(version=version, attached_at__lte=at)
    files = (
        Q(version_artifacts__version=version)
        | Q(dataset_versions__in=named)
        | Q(pk__in=foreign.values("artifact_id"))
    )
    told = {
        **risks.keys_of(version.model, at=at),
        **debated.keys_of(requests, at=at),
        **declarations.keys_of(version, at=at),
        **exceptions.keys_of(version, at=at),
        **lives.keys_of(version, at=at),
    }
    signed = RecordSignature.objects.filter(record_id__in=set().union(*told.values()))
    return {
        RegisteredModel: {version.model_id},
        ModelVersion: {version.pk},
        Run: {version.run_id} if version.run_id else set(),
        VersionArtifact: _keys(version.version_artifacts),
        VersionDataset: _keys(version.version_datasets),
        Artifact: _keys(Artifact.objects.filter(files)),
        DatasetVersion: _keys(named),
        Dataset: _keys(Dataset.objects.filter(versions__in=named)),
        Deployment: _keys(version.deployments),
        EvidenceRun: _keys(version.evidence_runs),
        EvidenceReport: _keys(EvidenceReport.objects.filter(run__version=version)),
        Measurement: _keys(Measurement.objects.filter(report__run__version=version)),
        ForeignEvidence: _keys(foreign),
        EvidenceSigner: _keys(EvidenceSigner.objects.filter(attachments__in=foreign)),
        Request: _keys(requests),
        PolicyPack: _keys(PolicyPack.objects.filter(effective_from__lte=at)),
        Signature: _keys(Signature.objects.filter(request__in=requests)),
        SignatureAttempt: _keys(SignatureAttempt.objects.filter(request__in=requests)),
        Withdrawal: _keys(Withdrawal.objects.filter(request__in=requests)),
        Authorisation: _keys(version.authorisations),
        AuthorisationChange: _keys(
            AuthorisationChange.objects.filter(authorisation__version=version)
        ),
        StatusChange: _keys(version.status_changes),
        GateDecision: {row.pk for row in gate},
        **told,
        RecordSignature: _keys(signed.filter(signed_at__lte=at)),
    }


def _keys(rows: Any) -> set[UUID]:
    return set(rows.values_list("pk", flat=True))


def _trail(
    placed: list[_Placed],
    signed: Checkpoint,
    example: content.ProofExample | None,
    *,
    at: datetime,
) -> content.Trail:
    printed = [item for item in placed if item.entry.rel not in _COUNTED]
    counted = Counter(
        item.entry.rel.removeprefix("public.")
        for item in placed
        if item.entry.rel in _COUNTED
    )
    names = _names({item.entry.actor for item in printed if item.entry.actor})
    checked = (
        Verification.objects.filter(ran_at__lte=at).order_by("-ran_at", "-id").first()
    )
    return content.Trail(
        origin=log.origin(),
        vkey=_vkey(signed),
        tree_size=signed.tree_size,
        root_hash=bytes(signed.root_hash).hex(),
        note=signed.note,
        signed_at=signed.created_at,
        rows=tuple(_row(item, names) for item in printed[:MOST_PRINTED]),
        grouped=tuple(sorted(counted.items())),
        example=example,
        left_out=max(0, len(printed) - MOST_PRINTED),
        unattributed=sum(item.entry.actor is None for item in placed),
        verified_at=checked.ran_at if checked else None,
        verified_ok=checked.ok if checked else None,
        verified_size=checked.size if checked else None,
        attachment=EXTRACT_NAME,
    )


def _vkey(signed: Checkpoint) -> str:
    """The key that signed the checkpoint, which is another one after a rotation."""
    _text, lines = note.split_note(signed.note)
    origin = signed.note.partition("\n")[0]
    known = {row.key_id: row.key for row in log.signer().verifiers(origin)}
    for name, mark, _signature in map(note.parse_signature, lines):
        if name == origin and mark in known:
            return note.vkey(origin, known[mark])
    return log.signer().vkey


def _names(actors: set[str]) -> dict[str, str]:
    """Printed names of the actors that are users; others speak for themselves."""
    known = []
    for actor in actors:
        try:
            known.append(UUID(actor))
        except ValueError:
            continue
    users = User.objects.filter(pk__in=known)
    return {str(user.pk): user.printed_name for user in users}


def _row(item: _Placed, names: dict[str, str]) -> content.LogRow:
    entry = item.entry
    body = json.loads(entry.body)
    context = body.get("ctx") or {}
    actor = entry.actor or f"db:{body.get('role', '')}"
    return content.LogRow(
        index=item.index,
        occurred_at=entry.occurred_at,
        actor=names.get(actor, actor),
        via=str(context.get("via", "")),
        operation=_operation(entry.op),
        table=entry.rel.removeprefix("public."),
        key=entry.pk_text or "",
        leaf_hash=item.leaf_hash.hex(),
    )


def _operation(op: str) -> str:
    words = {
        Entry.Operation.INSERT: _("added"),
        Entry.Operation.UPDATE: _("changed"),
        Entry.Operation.DELETE: _("deleted"),
    }
    return words.get(Entry.Operation(op), op)
