"""The second line's signed word on a tier: reduction, override, and taking back."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import matrices, persons, risk, roles, signatures
from governance.models import RiskAssessment, TierDecision
from governance.persons import Same
from governance.risk import Standing
from governance.separation import hands_in_model
from governance.signatures import Proof, signed_act
from registry.digests import sha256_of_json
from registry.models import RegisteredModel, Role, User

RECORD = "tier-decision"
Kind = TierDecision.Kind


class CannotDecide(Exception):
    """The tier cannot be decided so; `field` names what stands against it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class OwnWork(Exception):
    """Whoever assessed, owns or develops the model cannot decide on its tier."""


@signed_act
def override(
    *,
    assessment: RiskAssessment,
    tier: int,
    reason: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> TierDecision:
    """Set another tier than the computed one, with a reason, signed by second line.

    Never milder than a floor. The computed tier stays beside it. It ends when it is
    taken back, with a new assessment, and, if it makes the tier milder, when the
    assessment falls due. Raises `NotAllowed`, `OwnWork`, `CannotDecide`, `NotSigned`.
    """
    row, standing = _lock(assessment, by, at)
    _require_reason(reason)
    if not 1 <= tier <= 4:
        raise CannotDecide(_("The tier must be 1, 2, 3 or 4."), "tier")
    if standing.override is not None:
        raise CannotDecide(_("The tier is overridden already; take that back first."))
    if tier == standing.computed_tier:
        raise CannotDecide(_("That is the computed tier already."), "tier")
    if tier > standing.floor_tier:
        raise CannotDecide(standing.floor, "tier")
    if tier > standing.computed_tier and standing.due:
        raise CannotDecide(
            _("The model must be assessed anew first: %(why)s")
            % {"why": " ".join(standing.due)}
        )
    return _decide(row, standing, Kind.OVERRIDE, tier, reason, proof, by, at)


@signed_act
def reduce(
    *,
    assessment: RiskAssessment,
    reason: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> TierDecision:
    """Let the residual risk give the tier: second line signs that the controls hold.

    Signed by somebody else than the assessor (decisions.md 3.1). Raises `NotAllowed`,
    `OwnWork`, `CannotDecide`, `NotSigned`.
    """
    row, standing = _lock(assessment, by, at)
    _require_reason(reason)
    if standing.due:
        raise CannotDecide(
            _("The model must be assessed anew first: %(why)s")
            % {"why": " ".join(standing.due)}
        )
    if standing.reduction is not None:
        raise CannotDecide(_("The reduction is signed already."))
    if row.residual_likelihood is None or row.residual_impact is None:
        raise CannotDecide(_("The assessment names no residual risk."))
    if not row.mitigations.strip():
        raise CannotDecide(_("The assessment names no controls that lower the risk."))
    table = matrices.of(row.matrix)
    after = table.look_up(row.residual_likelihood, row.residual_impact).tier
    tier = min(after, standing.floor_tier)
    if tier <= standing.computed_tier:
        raise CannotDecide(_("The residual risk gives no milder tier."))
    return _decide(row, standing, Kind.REDUCTION, tier, reason, proof, by, at)


@signed_act
def take_back(
    *, decision: TierDecision, reason: str, proof: Proof, by: User, at: datetime
) -> TierDecision:
    """End an override or a reduction; the computed tier binds again.

    Raises `NotAllowed`, `OwnWork`, `CannotDecide`, `NotSigned`.
    """
    row, standing = _lock(decision.assessment, by, at)
    _require_reason(reason)
    if decision not in (standing.override, standing.reduction):
        raise CannotDecide(_("This decision does not count any more."))
    kind = Kind(decision.kind)
    return _decide(row, standing, kind, None, reason, proof, by, at)


def _lock(
    assessment: RiskAssessment, by: User, at: datetime
) -> tuple[RiskAssessment, Standing]:
    """The assessment as it counts now; two decisions cannot be taken at once."""
    roles.require(by, "decide on tiers", model=assessment.model)
    roles.require_person(by)
    rows = RegisteredModel.objects.select_for_update(of=("self",))
    model = rows.get(pk=assessment.model_id)
    standing = risk.standing_of(model, at)
    if standing.assessment is None or standing.assessment.pk != assessment.pk:
        raise CannotDecide(_("A newer assessment took the place of this one."))
    _refuse_own_work(model, standing.assessment, standing, by)
    return standing.assessment, standing


def _refuse_own_work(
    model: RegisteredModel, row: RiskAssessment, standing: Standing, by: User
) -> None:
    hands = hands_in_model(model)
    if str(by.pk) in hands:
        raise OwnWork(
            _("%(name)s %(what)s and cannot decide on its tier.")
            % {"name": by.printed_name, "what": hands[str(by.pk)]}
        )
    same = persons.same_person(by, row.assessed_by)
    unknown = same == Same.UNKNOWN and standing.computed_tier == 1
    if same == Same.YES or unknown:
        raise OwnWork(
            _("%(name)s assessed the risk; somebody else decides on the tier.")
            % {"name": row.assessed_by.printed_name}
            if same == Same.YES
            else _(
                "It is not known that %(a)s and %(b)s are two people, as tier 1 needs."
            )
            % {"a": by.printed_name, "b": row.assessed_by.printed_name}
        )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise CannotDecide(_("Give the reason."), "reason")


def _decide(
    row: RiskAssessment,
    standing: Standing,
    kind: Kind,
    tier: int | None,
    reason: str,
    proof: Proof,
    by: User,
    at: datetime,
) -> TierDecision:
    last = row.tier_decisions.filter(kind=kind).order_by("-sequence").first()
    decision = TierDecision.objects.create(
        assessment=row,
        kind=kind,
        tier=tier,
        computed_tier=standing.computed_tier,
        feeds_tier_1=tier == 4 and risk.feeds_tier_1(row.model, at),
        reason=reason,
        decided_by=by,
        decided_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    subject = sha256_of_json(_subject(decision))
    signatures.sign_record(
        record_type=RECORD,
        record_id=decision.pk,
        subject_sha256=subject,
        statement=_statement(decision, subject, by),
        role=_role(by),
        meaning="approval",
        proof=proof,
        by=by,
        at=at,
    )
    return decision


def _role(by: User) -> Role:
    return min(roles.roles_of(by) & roles.RIGHTS["decide on tiers"])


def _subject(decision: TierDecision) -> dict[str, object]:
    """All that the signer saw: the assessment, the tiers, the reason."""
    row = decision.assessment
    return {
        "model": row.model.slug,
        "assessment": str(row.pk),
        "matrix_sha256": row.matrix.sha256,
        "inherent": [row.likelihood, row.impact],
        "residual": [row.residual_likelihood, row.residual_impact],
        "mitigations": row.mitigations,
        "kind": str(decision.kind),
        "computed_tier": decision.computed_tier,
        "tier": decision.tier,
        "reason": decision.reason,
        **({"feeds_tier_1": True} if decision.feeds_tier_1 else {}),
    }


def _statement(decision: TierDecision, subject: str, by: User) -> str:
    acts = {
        (Kind.OVERRIDE, True): _(
            "override the computed tier %(old)s by tier %(new)s, knowing that it "
            "feeds a model of tier 1,"
        )
        if decision.feeds_tier_1
        else _("override the computed tier %(old)s by tier %(new)s"),
        (Kind.REDUCTION, True): _(
            "let the residual risk give tier %(new)s instead of tier %(old)s"
        ),
        (Kind.OVERRIDE, False): _("take back the override of the tier"),
        (Kind.REDUCTION, False): _("take back the reduction to the residual risk"),
    }
    said = acts[Kind(decision.kind), decision.tier is not None] % {
        "old": decision.computed_tier,
        "new": decision.tier,
    }
    return _(
        "I, %(name)s, acting as %(role)s, %(act)s of the model %(model)s, for this "
        "reason: %(reason)s The record that I saw has the SHA-256 %(subject)s."
    ) % {
        "name": by.printed_name,
        "role": _role(by).label,
        "act": said,
        "model": decision.assessment.model.name,
        "reason": decision.reason.strip(),
        "subject": subject,
    }
