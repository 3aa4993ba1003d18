"""Drafting a risk matrix, seeing what it would change, and publishing it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from governance import matrices, matrix_lint, persons, risk, roles, signatures
from governance.models import MatrixDraft, RiskMatrix
from governance.persons import Same
from governance.signatures import Proof, signed_act
from registry.acts import act
from registry.digests import sha256_hex, sha256_of_json
from registry.models import RegisteredModel, Role, User

RECORD = "risk-matrix"


class CannotPublish(Exception):
    """The draft cannot be published so; the text says why, `field` where."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Retiering:
    """What a matrix would make of one model: tiers 1 to 4 before and after.

    `milder` is the tier that a reassessment would give, else None; `due` says that the
    model would have to be assessed anew, because the scales differ.
    """

    model: str
    name: str
    before: int
    after: int
    milder: int | None
    due: bool


@dataclass(frozen=True)
class Preview:
    """Every model whose risk would stand otherwise, and the digest of it all."""

    effective_from: datetime
    assessed: int
    changes: tuple[Retiering, ...]
    sha256: str


@act
def draft(
    *,
    text: str,
    reason: str,
    by: User,
    at: datetime,
    effective_from: datetime | None = None,
) -> MatrixDraft:
    """Propose a matrix, written in JSON or YAML, which must pass the lint.

    `effective_from` is None for the moment of publication. Raises `NotAllowed`,
    `matrix_lint.InvalidMatrix`, `CannotPublish`.
    """
    roles.require(by, "draft risk matrices")
    roles.require_person(by)
    if not reason.strip():
        raise CannotPublish(_("Say why the matrix is needed."), "reason")
    document = matrix_lint.canonical(text)
    data = json.loads(document)
    row = MatrixDraft(
        slug=data["matrix"],
        document=document,
        sha256=sha256_hex(document.encode()),
        reason=reason,
        effective_from=effective_from,
        drafted_by=by,
        drafted_at=at,
    )
    candidate(row, at)
    row.save(force_insert=True)
    return row


def preview(row: MatrixDraft, *, at: datetime) -> Preview:
    """What would change at the moment from which the draft would count.

    Both sides are read at that same moment, by the function that decides at the gate:
    what is overdue by then is not the matrix's doing. Changes nothing.
    """
    moment = max(at, row.effective_from or at)
    published = list(RiskMatrix.objects.all())
    models = list(RegisteredModel.objects.order_by("slug"))
    before = risk.standings(models, moment, rows=published)
    after = risk.standings(models, moment, rows=[*published, candidate(row, at)])
    changes = tuple(
        Retiering(
            model=model.slug,
            name=model.name,
            before=old.tier,
            after=new.tier,
            milder=new.milder_tier,
            due=len(new.due) > len(old.due),
        )
        for model in models
        for old, new in [(before[model.pk], after[model.pk])]
        if (old.tier, old.milder_tier, old.due) != (new.tier, new.milder_tier, new.due)
    )
    return Preview(
        effective_from=moment,
        assessed=sum(s.assessment is not None for s in before.values()),
        changes=changes,
        sha256=sha256_of_json(
            {"draft": row.sha256, "changes": [asdict(change) for change in changes]}
        ),
    )


@signed_act
def publish(
    *,
    draft: MatrixDraft,
    preview_sha256: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> RiskMatrix:
    """Publish a draft of somebody else, having seen what it changes; never edited.

    `preview_sha256` is the digest of the preview that the signer saw: where the
    portfolio changed since, they look again. Raises `NotAllowed`, `CannotPublish`,
    `NotSigned`.
    """
    # A token for some models only has not seen the whole preview.
    roles.require(by, "publish risk matrices", model="*")
    roles.require_person(by)
    locked = MatrixDraft.objects.select_for_update().get(pk=draft.pk)
    # One publication at a time: the version follows from what is published.
    list(RiskMatrix.objects.select_for_update().filter(slug__in=matrices.BUILT_IN))
    if hasattr(locked, "published"):
        raise CannotPublish(_("This draft is published already."))
    if persons.same_person(by, locked.drafted_by) == Same.YES:
        raise CannotPublish(_("Whoever drafted a matrix does not publish it."))
    seen = preview(locked, at=at)
    if seen.sha256 != preview_sha256:
        raise CannotPublish(
            _("What it would change is not what you saw. Look at the preview again."),
            "preview_sha256",
        )
    row = candidate(locked, at)
    row.published_by, row.published_at = by, at
    row.effective_from = seen.effective_from
    row.save(force_insert=True)
    _sign(row, seen, proof, by, at)
    return row


def _sign(row: RiskMatrix, seen: Preview, proof: Proof, by: User, at: datetime) -> None:
    role = min(roles.roles_of(by) & roles.RIGHTS["publish risk matrices"])
    signatures.sign_record(
        record_type=RECORD,
        record_id=row.pk,
        subject_sha256=sha256_of_json(
            {
                "matrix_sha256": row.sha256,
                "preview_sha256": seen.sha256,
                "effective_from": seen.effective_from.isoformat(),
            }
        ),
        statement=statement(row, seen, by, role),
        role=role,
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
    )


def statement(row: RiskMatrix, seen: Preview, by: User, role: Role) -> str:
    """The sentence that is signed with the publication."""
    return _(
        "I, %(name)s, acting as %(role)s, publish the risk matrix %(matrix)s (SHA-256 "
        "%(digest)s), which counts from %(moment)s, having seen that it changes the "
        "standing of %(count)s models (preview %(preview)s)."
    ) % {
        "name": by.printed_name,
        "role": role.label,
        "matrix": str(row),
        "digest": row.sha256,
        "moment": seen.effective_from.strftime("%Y-%m-%d %H:%M UTC"),
        "count": len(seen.changes),
        "preview": seen.sha256,
    }


def candidate(row: MatrixDraft, at: datetime) -> RiskMatrix:
    """The draft as it would be published at `at`. Raises `CannotPublish`."""
    data: dict[str, Any] = json.loads(row.document)
    replaces = data.get("replaces", "")
    published = list(RiskMatrix.objects.all())
    if replaces and replaces not in {r.slug for r in published}:
        raise CannotPublish(
            _("$.replaces: there is no matrix %(slug)s.") % {"slug": replaces},
            "document",
        )
    versions = [r.version for r in published if r.slug == row.slug]
    found = RiskMatrix(
        slug=row.slug,
        version=max(versions, default=0) + 1,
        document=row.document,
        sha256=row.sha256,
        replaces=replaces,
        effective_from=max(at, row.effective_from or at),
        draft=row,
        published_at=at,
    )
    moment = found.effective_from or at
    heir = matrices.in_force(row.slug, [*published, found], at=moment)
    if heir is not found:
        raise CannotPublish(
            _("The matrix %(heir)s took the place of %(slug)s; change that one.")
            % {"heir": heir.slug, "slug": row.slug},
            "document",
        )
    return found
