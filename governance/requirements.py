"""The rules of a pack applied to a case: each answer is a check with its reasons."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from audits.labels import measurement_label
from audits.models import EvidenceReport, Measurement
from governance.case import Case
from governance.models import Signature
from governance.policy import Check, Rule, Seat
from governance.separation import hands_in_request
from registry.models import RegisteredModel, Role

SUBMIT = ("register", "submit")
APPROVE = (*SUBMIT, "validate", "approve")
DEPLOY = (*APPROVE, "sign", "deploy")


def evaluate(case: Case, gates: tuple[str, ...]) -> list[Check]:
    """Apply what no policy can waive, then every rule of the tier at these gates.

    A rule whose evidence is of an unknown type fails: unknown means deny.
    """
    return [
        *_law(case),
        *(
            replace(_apply(rule, item, case), severity=rule.severity)
            for rule in case.pack.for_tier(case.tier)
            if rule.gate in gates
            for item in rule.evidence
        ),
    ]


def _law(case: Case) -> list[Check]:
    model = case.version.model
    prohibited = model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED
    today = case.at.date()
    began = model.valid_from is None or model.valid_from <= today
    over = model.valid_until is not None and model.valid_until < today
    window = _("no dates are set")
    if model.valid_from or model.valid_until:
        window = f"{model.valid_from or '…'} - {model.valid_until or '…'}"
    return [
        Check(
            "law-001",
            _("Not a prohibited practice"),
            passed=not prohibited,
            observed=str(model.get_ai_act_class_display()),
            because=_("Regulation (EU) 2024/1689, Art. 5."),
            next_step=_("It may not run at all.") if prohibited else "",
        ),
        Check(
            "law-002",
            _("The model is within its validity"),
            passed=began and not over,
            observed=window,
            because=_("SR 11-7, section VI: the time for which a model stays valid."),
            next_step=""
            if began and not over
            else _("The owner reviews the model and sets its validity."),
        ),
    ]


def _apply(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    kind = item["type"]
    if kind == "inventory_record":
        return _inventory(rule, item, case)
    if kind == "risk_assessment":
        return _assessment(rule, case)
    if kind == "signature_event":
        return _signatures(rule, case)
    if kind == "approval":
        return _approval(rule, item, case)
    if kind.endswith("_report"):
        return _report(rule, item, case)
    return Check(
        rule.id,
        rule.title,
        passed=False,
        observed=_("cannot be evaluated"),
        because=_("Freigabe does not know evidence of the type %(type)s.")
        % {"type": kind},
        next_step=_("The policy author corrects the pack."),
    )


def _inventory(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    model = case.version.model
    missing = [f for f in item["required_fields"] if not getattr(model, f, "")]
    names = ", ".join(name.replace("_", " ") for name in missing)
    return Check(
        rule.id,
        rule.title,
        passed=not missing,
        observed=_("missing: %(names)s") % {"names": names}
        if missing
        else _("complete"),
        because=rule.text,
        next_step=_("%(owner)s completes the inventory record.")
        % {"owner": model.owner.printed_name}
        if missing
        else "",
    )


def _assessment(rule: Rule, case: Case) -> Check:
    found = case.assessment
    if found is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("not assessed"),
            because=rule.text,
            next_step=_("A risk manager assesses the model."),
        )
    overdue = found.review_due_on < case.at.date()
    return Check(
        rule.id,
        rule.title,
        passed=not overdue,
        observed=_("%(band)s %(score)s, tier %(tier)s, review due on %(day)s")
        % {
            "band": found.get_band_display(),
            "score": found.score,
            "tier": found.tier,
            "day": found.review_due_on.isoformat(),
        },
        because=rule.text,
        next_step=_("A risk manager reviews the assessment.") if overdue else "",
    )


def _report(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    kind = item["type"].removesuffix("_report")
    report = case.reports.get(kind)
    measure = _("The developer or validator requests a %(kind)s run.") % {"kind": kind}
    if report is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("no %(kind)s report") % {"kind": kind},
            because=rule.text,
            next_step=measure,
        )
    oldest = case.at - timedelta(days=item.get("max_age_days", 365))
    if report.reported_at < oldest:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("report of %(day)s has expired")
            % {"day": report.reported_at.date().isoformat()},
            because=rule.text,
            next_step=measure,
        )
    return _measured(rule, item, report)


def _measured(rule: Rule, item: Mapping[str, Any], report: EvidenceReport) -> Check:
    name = item["measurement"]
    found = [m for m in report.measurements.all() if m.name == name]
    label = measurement_label(name)
    limit, holds = _limit(item)
    unknown = next((m for m in found if m.value is None), None)
    if not found or unknown is not None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("%(label)s is not estimable (limit %(limit)s)")
            % {"label": label, "limit": limit},
            because=unknown.because if unknown else rule.text,
            next_step=_("Measure on a data set that answers the question."),
        )
    worst = max(found, key=lambda m: _badness(m, item))
    group = f" ({worst.group})" if worst.group else ""
    passed = holds(worst.value)
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=f"{label}{group} {worst.value:.3f} ({_('limit')} {limit})",
        because=rule.text,
        next_step=""
        if passed
        else _("The developer improves the model and registers a new version."),
    )


def _limit(item: Mapping[str, Any]) -> tuple[str, Any]:
    if "at_least" in item:
        low = float(item["at_least"])
        return f"≥ {low:.2f}", lambda value: value >= low
    if "at_most" in item:
        high = float(item["at_most"])
        return f"≤ {high:.2f}", lambda value: abs(value) <= high
    return _("none stated"), lambda _value: False


def _badness(measurement: Measurement, item: Mapping[str, Any]) -> float:
    value = measurement.value or 0.0
    return -value if "at_least" in item else abs(value)


def open_seats(case: Case, seats: tuple[Seat, ...]) -> list[tuple[Seat, int]]:
    """The seats of a quorum that still need signatures, and how many.

    Only signatures by active people who still hold the role count, each person once.
    Nobody counts who has had a hand in the version, also when that came later.
    """
    if not case.subject_holds or case.request is None:
        return [(seat, seat.count) for seat in seats]
    used = set(hands_in_request(case.request))
    still = []
    for seat in seats:
        signers = [s for s in case.signatures if _fills(s, seat)]
        fresh = [s for s in signers if str(s.signed_by_id) not in used][: seat.count]
        used |= {str(s.signed_by_id) for s in fresh}
        if len(fresh) < seat.count:
            still.append((seat, seat.count - len(fresh)))
    return still


def _fills(signature: Signature, seat: Seat) -> bool:
    if signature.meaning != seat.meaning or signature.role not in seat.roles:
        return False
    signer = signature.signed_by
    return (
        signer.is_active
        and signer.role_assignments.filter(role=signature.role, ended_at=None).exists()
    )


def _signatures(rule: Rule, case: Case) -> Check:
    tier = case.tier
    seats = case.pack.seats(tier)
    wanted = sum(seat.count for seat in seats)
    missing = open_seats(case, seats)
    lacking = sum(count for _seat, count in missing)
    rejected = [s for s in case.signatures if s.meaning == Signature.Meaning.REJECTION]
    passed = bool(seats) and not missing and not rejected
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_("%(have)s of %(wanted)s signatures")
        % {"have": wanted - lacking, "wanted": wanted},
        because=_signature_reason(rule, case, rejected),
        next_step="" if passed else _signature_step(case, missing, rejected),
    )


def _signature_reason(rule: Rule, case: Case, rejected: list[Signature]) -> str:
    if rejected:
        return _("%(name)s rejected it: %(reason)s") % {
            "name": rejected[0].printed_name,
            "reason": rejected[0].comment,
        }
    if case.request is not None and not case.subject_holds:
        return _(
            "Evidence, risk or inventory changed after it was submitted, so that "
            "earlier signatures no longer count."
        )
    return rule.text


def _signature_step(
    case: Case, missing: list[tuple[Seat, int]], rejected: list[Signature]
) -> str:
    if case.request is None or rejected or not case.subject_holds:
        return _("%(owner)s submits the version for approval.") % {
            "owner": case.version.model.owner.printed_name
        }
    meanings = dict(Signature.Meaning.choices)
    parts = [
        f"{count} x {meanings.get(seat.meaning, seat.meaning)} ({_role_names(seat)})"
        for seat, count in missing
    ]
    return _("Still to sign: %(seats)s.") % {"seats": ", ".join(parts)}


def _role_names(seat: Seat) -> str:
    return " / ".join(str(Role(name).label) for name in seat.roles)


def _approval(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    found = case.authorisation
    tier = case.tier
    if found is None:
        return Check(
            rule.id,
            rule.title,
            passed=False,
            observed=_("not authorised"),
            because=rule.text,
            next_step=_("Approval creates the authorisation."),
        )
    last = found.valid_from + timedelta(days=item["max_days"][f"T{tier}"])
    until = min(found.valid_until, last)
    passed = case.at < until
    return Check(
        rule.id,
        rule.title,
        passed=passed,
        observed=_("authorised until %(day)s")
        % {"day": until.strftime("%Y-%m-%d %H:%M UTC")},
        because=rule.text,
        next_step="" if passed else _("The owner submits the version again."),
    )
