"""Change plans are filed with a version and ended; later versions name their plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from audits.evidence import latest_reports
from governance import planned, records, risk, roles, signatures
from governance.models import ChangePlan, ChangePlanEnd, ChangeRecord, RecordSignature
from governance.models.changes import MOST_CHANGES
from governance.signatures import Proof, signed_act
from registry.acts import act
from registry.models import ModelVersion, RegisteredModel, Role, User

# A plan that is older was made for another world (product default).
LONGEST = timedelta(days=366)
MOST_LIMITS = 50
LARGEST = 1e9
_TEXTS = ("changes", "protocol", "impact")


class NotPossible(Exception):
    """The version, or the plan, is where this cannot follow any more."""


@dataclass(frozen=True)
class Wish:
    """A plan as its owner wants it judged.

    `changes` says what may change, `protocol` how each change is tested and released,
    `impact` what it may do to people and how that is contained. Each of `limits` has
    `kind`, `name`, `group`, and `at_least` or `at_most` or both.
    """

    changes: str
    protocol: str
    impact: str
    limits: Sequence[Mapping[str, Any]]
    most_changes: int
    valid_until: datetime


@signed_act
def file_plan(
    *, version: ModelVersion, wish: Wish, proof: Proof, by: User, at: datetime
) -> ChangePlan:
    """File the change plan that is to be judged with a version, signed by its owner.

    The approval of the version approves it. A newer plan takes the place of an older
    one, and a request that waits is submitted again. Raises `NotAllowed`,
    `NotPossible`, `records.Refused`, `NotSigned`.
    """
    roles.require(by, "file change plans", model=version.model)
    roles.require_person(by)
    locked = _locked(version)
    _require_judged_later(locked)
    if hasattr(locked, "change_record"):
        raise NotPossible(
            _("A version that falls under a change plan brings none of its own.")
        )
    reports = latest_reports(locked)
    limits = _require_terms(wish, reports, at)
    last = locked.change_plans.order_by("-sequence").first()
    row = ChangePlan(
        version=locked,
        **{name: getattr(wish, name).strip() for name in _TEXTS},
        limits=limits,
        baseline=_baseline(locked, limits, reports),
        most_changes=wish.most_changes,
        tier=risk.standing_of(locked.model, at).tier,
        valid_until=wish.valid_until,
        filed_by=by,
        filed_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
    row.subject_sha256 = planned.digest(row)
    records.insert(row, {"__all__": [_("Another plan was filed at this moment.")]})
    signatures.sign_record(
        record_type=planned.RECORD,
        record_id=row.pk,
        subject_sha256=row.subject_sha256,
        statement=statement(row, by=by),
        role=Role.OWNER,
        meaning=RecordSignature.Meaning.RESPONSIBILITY,
        proof=proof,
        by=by,
        at=at,
    )
    return row


@act
def end_plan(*, plan: ChangePlan, reason: str, by: User, at: datetime) -> ChangePlanEnd:
    """End a plan before its time: no further change falls under it.

    What was approved under it stays so until it is suspended. Raises `NotAllowed`,
    `NotPossible`, `records.Refused`.
    """
    roles.require(by, "end change plans", model=plan.version.model)
    roles.require_person(by)
    locked = _locked_plan(plan)
    if not reason.strip():
        raise records.Refused({"reason": [_("Say why it ends.")]})
    if hasattr(locked, "end") or at >= locked.valid_until:
        raise NotPossible(_("This plan has ended already."))
    row = ChangePlanEnd(plan=locked, reason=reason.strip(), ended_by=by, ended_at=at)
    records.insert(row, {"__all__": [_("This plan has ended already.")]})
    return row


@act
def record_change(
    *,
    version: ModelVersion,
    plan: ChangePlan,
    changed: str,
    reason: str,
    by: User,
    at: datetime,
) -> ChangeRecord:
    """Say that a version is a minor change inside a plan of its model.

    Whether it is, is checked when it is submitted and at each signature. Raises
    `NotAllowed`, `NotPossible`, `records.Refused`.
    """
    roles.require(by, "record changes", model=version.model)
    roles.require_person(by)
    locked_plan, locked = _locked_plan(plan), _locked(version)
    _require_words({"changed": changed, "reason": reason})
    if locked_plan.version.model_id != locked.model_id:
        raise records.Refused({"plan": [_("This plan is of another model.")]})
    _require_judged_later(locked)
    if hasattr(locked, "change_record") or locked.change_plans.exists():
        raise NotPossible(
            _("This version has a change record, or brings a plan of its own, already.")
        )
    if hasattr(locked_plan, "end") or at >= locked_plan.valid_until:
        raise NotPossible(_("This plan has ended: the full quorum signs."))
    last = locked_plan.records.order_by("-sequence").first()
    number = last.sequence + 1 if last else 1
    if number > locked_plan.most_changes:
        raise NotPossible(
            _(
                "This plan allows %(most)s changes, and they are made: so many small "
                "ones are a large one. File another plan with a version."
            )
            % {"most": locked_plan.most_changes}
        )
    row = ChangeRecord(
        version=locked,
        plan=locked_plan,
        changed=changed.strip(),
        reason=reason.strip(),
        recorded_by=by,
        recorded_at=at,
        sequence=number,
    )
    records.insert(row, {"__all__": [_("This version has a change record already.")]})
    return row


def statement(plan: ChangePlan, *, by: User) -> str:
    """The exact sentence that the owner of a plan reads and signs."""
    return _(
        "I, %(name)s, acting as %(role)s, take responsibility for the change plan of "
        "%(version)s: at most %(most)s minor changes until %(until)s, with its limits, "
        "its protocol and its impact, all bound by the record %(digest)s."
    ) % {
        "name": by.printed_name,
        "role": Role.OWNER.label,
        "version": plan.version,
        "most": plan.most_changes,
        "until": plan.valid_until.strftime("%Y-%m-%d %H:%M UTC"),
        "digest": plan.subject_sha256,
    }


def _locked(version: ModelVersion) -> ModelVersion:
    rows = ModelVersion.objects.select_for_update(of=("self",))
    return rows.select_related("model").get(pk=version.pk)


def _locked_plan(plan: ChangePlan) -> ChangePlan:
    """The plan as it stands now, locked: two changes cannot be its last one at once."""
    ChangePlan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    return planned.told().get(pk=plan.pk)


def _require_judged_later(version: ModelVersion) -> None:
    """What stands beside an approval would void it, so it comes before."""
    if version.authorisations.exists():
        raise NotPossible(
            _("This version was approved already. Do this with the next version.")
        )
    prohibited = RegisteredModel.AIActClass.PROHIBITED
    if version.model.ai_act_class == prohibited:
        raise NotPossible(_("A prohibited practice has no light path."))


def _require_words(texts: Mapping[str, str]) -> None:
    errors = {
        name: [_("This field is needed.")]
        for name, text in texts.items()
        if not text.strip()
    }
    if errors:
        raise records.Refused(errors)


def _require_terms(
    wish: Wish, reports: Mapping[str, Any], at: datetime
) -> list[dict[str, Any]]:
    """The limits, each in one form. Raises `records.Refused`."""
    _require_words({name: getattr(wish, name) for name in _TEXTS})
    errors: dict[str, list[str]] = {}
    if not 1 <= wish.most_changes <= MOST_CHANGES:
        told = _("A plan allows between 1 and %(most)s changes.")
        errors["most_changes"] = [told % {"most": MOST_CHANGES}]
    if not at < wish.valid_until <= at + LONGEST:
        errors["valid_until"] = [_("A plan ends within a year from now.")]
    if not 1 <= len(wish.limits) <= MOST_LIMITS:
        told = _("Name between 1 and %(most)s measurements with their bounds.")
        errors["limits"] = [told % {"most": MOST_LIMITS}]
    limits = [_in_form(limit) for limit in wish.limits]
    for limit in limits:
        if against := _against(limit, reports):
            errors.setdefault("limits", []).append(against)
    if errors:
        raise records.Refused(errors)
    return limits


def _in_form(limit: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: str(limit.get(name, "")) for name in ("kind", "name", "group")}
    bounds = {name: limit.get(name) for name in ("at_least", "at_most")}
    # One form of each number: what the database keeps gives the same digest again.
    return {
        **texts,
        **{k: b if b is None else float(b) + 0.0 for k, b in bounds.items()},
    }


def _against(limit: Mapping[str, Any], reports: Mapping[str, Any]) -> str:
    """Why a bound cannot be one; empty if it can."""
    name = f"{limit['kind']} {limit['name']} {limit['group']}".strip()
    bounds = [limit["at_least"], limit["at_most"]]
    if bounds == [None, None]:
        return _("%(name)s: say at least, or at most, or both.") % {"name": name}
    if not all(b is None or abs(b) <= LARGEST for b in bounds):
        return _("%(name)s: a bound is a number, of a billion at most.") % {
            "name": name
        }
    value = planned.value_of(reports, limit)
    if value is None:
        return _("%(name)s: this version has no such measurement.") % {"name": name}
    least, most = bounds
    if (least is not None and value < least) or (most is not None and value > most):
        return _("%(name)s: this version itself is outside, with %(value)s.") % {
            "name": name,
            "value": value,
        }
    return ""


def _baseline(
    version: ModelVersion,
    limits: Sequence[Mapping[str, Any]],
    reports: Mapping[str, Any],
) -> dict[str, Any]:
    """What stays the same under the plan. Raises `NotPossible` where it is unknown."""
    found = planned.traits(version)
    if unknown := [name for name, text in found.items() if not text]:
        raise NotPossible(
            _(
                "It is not recorded what must stay the same: %(names)s. Register the "
                "version with its method and its training data."
            )
            % {"names": ", ".join(unknown)}
        )
    kinds = sorted({limit["kind"] for limit in limits})
    places = {kind: planned.measured_on(reports, kind) for kind in kinds}
    return {**found, "measured_on": places}
