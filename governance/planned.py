"""Minor changes inside an approved change plan: what must hold, checked by machine."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audits.models import EvidenceReport
from governance import lifecycle, risk
from governance.models import (
    Authorisation,
    AuthorisationChange,
    ChangePlan,
    ChangeRecord,
    RecordSignature,
)
from governance.signatures import holds
from registry.digests import sha256_of_json
from registry.models import Environment, ModelVersion, RegisteredModel

RECORD = "change-plan"
State = AuthorisationChange.State
# decisions.md 3.6, trigger 3: how long after the change record the path is open.
LIGHT_PATH = timedelta(days=30)


@dataclass(frozen=True)
class Limit:
    """One thing that must hold for the light path, and what was found."""

    name: str
    passed: bool
    observed: str
    wanted: str


@dataclass(frozen=True)
class Verdict:
    """Whether a change lies inside its plan; `base` is what the plan came with.

    Anything unknown lies outside: then the full quorum signs.
    """

    limits: tuple[Limit, ...] = ()
    base: Authorisation | None = None

    @property
    def inside(self) -> bool:
        """Whether all of it holds. Nothing checked is nothing that holds."""
        return self.base is not None and all(limit.passed for limit in self.limits)


@dataclass(frozen=True)
class Given:
    """What is known of a version in an environment, beside its change record."""

    environment: Environment
    at: datetime
    standing: risk.Standing
    reports: Mapping[str, EvidenceReport]
    inventory_sha256: str
    declared: Mapping[str, Any] | None


def told() -> QuerySet[ChangePlan]:
    """Plans with all that is looked at."""
    return ChangePlan.objects.select_related("version__model", "filed_by", "end")


def plans_by(versions: Iterable[UUID], at: datetime) -> dict[UUID, ChangePlan]:
    """The newest plan of each version, by the version's id."""
    rows = ChangePlan.objects.filter(
        version__in=list(versions), filed_at__lte=at
    ).select_related("version__model")
    return {row.version_id: row for row in rows.order_by("sequence")}


def records_by(versions: Iterable[UUID], at: datetime) -> dict[UUID, ChangeRecord]:
    """The change record of each version that has one, by the version's id."""
    rows = ChangeRecord.objects.filter(
        version__in=list(versions), recorded_at__lte=at
    ).select_related("plan__version__model", "plan__end", "version__model")
    return {row.version_id: row for row in rows}


def digest(plan: ChangePlan) -> str:
    """SHA-256 of everything that the signers of a plan judge, as it stands now."""
    return sha256_of_json(
        {
            "id": str(plan.pk),
            "model": plan.version.model.slug,
            "version_sha256": plan.version.sha256,
            "changes": plan.changes,
            "protocol": plan.protocol,
            "impact": plan.impact,
            "limits": plan.limits,
            "baseline": plan.baseline,
            "most_changes": plan.most_changes,
            "tier": plan.tier,
            "valid_until": plan.valid_until.astimezone(UTC).isoformat(),
        }
    )


def record_digest(record: ChangeRecord) -> str:
    """SHA-256 of a change record with its plan, as both stand now."""
    return sha256_of_json(
        {
            "version_sha256": record.version.sha256,
            "plan_sha256": digest(record.plan),
            "changed": record.changed,
            "reason": record.reason,
            "sequence": record.sequence,
            "recorded_at": record.recorded_at.astimezone(UTC).isoformat(),
        }
    )


def traits(version: ModelVersion) -> dict[str, str]:
    """What a minor change leaves as it is, in words; empty where it is not known.

    The algorithm as recorded and the format of the file, the features of the data that
    it learned from, its data sets by use (whichever version of them), and how scores
    become outcomes.
    """
    links = version.version_datasets.select_related("dataset_version__dataset")
    part = version.version_artifacts.filter(role="model").select_related("artifact")
    file, data = part.first(), list(links)
    features = {
        f"{column['name']}: {column.get('type', '')}"
        for link in data
        if link.use == "training"
        for column in link.dataset_version.columns
        if column.get("role") == "feature"
    }
    algorithm = ""
    if version.method.strip() and file:
        algorithm = f"{version.method}, {file.artifact.format}"
    return {
        "algorithm": algorithm,
        "features": ", ".join(sorted(features)),
        "data": ", ".join(
            sorted(
                {f"{link.use}: {link.dataset_version.dataset.slug}" for link in data}
            )
        ),
        "outcome": f"{version.positive_class}, {version.favourable}, "
        f"{version.threshold!r}",
    }


def measured_on(reports: Mapping[str, EvidenceReport], kind: str) -> str:
    """The data set that a kind of evidence was measured on; empty without report."""
    report = reports.get(kind)
    return report.run.dataset_version.dataset.slug if report else ""


def value_of(
    reports: Mapping[str, EvidenceReport], limit: Mapping[str, Any]
) -> float | None:
    """The measurement that a limit is about; None where there is none that is one."""
    report = reports.get(limit["kind"])
    for row in report.measurements.all() if report else ():
        if (row.name, row.group) == (limit["name"], limit["group"]):
            return (
                row.value
                if row.value is not None and math.isfinite(row.value)
                else None
            )
    return None


def approved(
    plan: ChangePlan, environment: Environment, at: datetime
) -> Authorisation | None:
    """The approval that covers a plan here, by the full quorum; None when none does.

    It may be superseded by what the plan allowed, never suspended, revoked or over.
    """
    newest = (
        Authorisation.objects.filter(
            version=plan.version_id, environment=environment, valid_from__lte=at
        )
        .select_related("request")
        .prefetch_related("changes")
        .order_by("-request__sequence")
        .first()
    )
    if newest is None or at >= newest.valid_until:
        return None
    if lifecycle.state_of(newest) not in (State.ACTIVE, State.SUPERSEDED):
        return None
    judged = json.loads(newest.request.subject)
    covers = judged.get("change_plan") == digest(plan) and "change" not in judged
    return newest if covers else None


def judge(record: ChangeRecord, given: Given) -> Verdict:
    """Whether a change lies inside its plan now (decisions.md 3.6, trigger 3)."""
    plan = record.plan
    base = approved(plan, given.environment, given.at)
    limits = (
        *_of_plan(record, base, given),
        *_of_risk(record, base, given),
        *_of_model(plan, record.version),
        *_of_measurements(plan, given.reports),
    )
    return Verdict(limits, base)


def _of_plan(
    record: ChangeRecord, base: Authorisation | None, given: Given
) -> Iterator[Limit]:
    """The plan stands, is this model's, and is not used up."""
    plan, at = record.plan, given.at
    own = record.version.model_id == plan.version.model_id
    yield _limit(_("Plan of this model"), own, plan.version.model.name)
    yield _limit(
        _("Plan as its owner signed it"), _as_signed(plan), plan.subject_sha256
    )
    found = str(base) if base else _("no approval in force covers it here")
    yield _limit(_("Plan approved with its version"), base is not None, found)
    until = plan.valid_until.strftime("%Y-%m-%d %H:%M UTC")
    ended = hasattr(plan, "end") and plan.end.ended_at <= at
    observed = _("ended early") if ended else _("until %(day)s") % {"day": until}
    yield _limit(_("Plan in force"), not ended and at < plan.valid_until, observed)
    last = record.recorded_at + LIGHT_PATH
    observed = _("until %(day)s") % {"day": last.strftime("%Y-%m-%d %H:%M UTC")}
    wanted = _("within 30 days of the change record")
    yield Limit(_("Light path open"), at < last, observed, wanted)
    yield Limit(
        _("Number of changes"),
        record.sequence <= plan.most_changes,
        str(record.sequence),
        _("at most %(most)s under this plan") % {"most": plan.most_changes},
    )
    failed = _failed(record, at)
    observed = ", ".join(str(row.version) for row in failed) or _("none")
    yield Limit(
        _("No change of this plan suspended or revoked"), not failed, observed, ""
    )


def _as_signed(plan: ChangePlan) -> bool:
    """Whether the plan is still what its owner signed."""
    now = digest(plan)
    rows = RecordSignature.objects.filter(record_type=RECORD, record_id=plan.pk)
    signed = any(
        row.subject_sha256 == now
        and row.signed_by_id == plan.filed_by_id
        and holds(row)
        for row in rows
    )
    return signed and now == plan.subject_sha256


def _failed(record: ChangeRecord, at: datetime) -> list[Authorisation]:
    rows = Authorisation.objects.filter(
        version__change_record__plan=record.plan, valid_from__lte=at
    ).select_related("version__model")
    stopped = (State.SUSPENDED, State.REVOKED)
    return [
        row
        for row in rows.prefetch_related("changes")
        if lifecycle.state_of(row) in stopped
    ]


def _of_risk(
    record: ChangeRecord, base: Authorisation | None, given: Given
) -> Iterator[Limit]:
    """The risk is what it was, and nobody said that the change is more than minor."""
    model, standing, plan = record.version.model, given.standing, record.plan
    allowed = model.ai_act_class != RegisteredModel.AIActClass.PROHIBITED
    yield _limit(_("Not prohibited"), allowed, model.get_ai_act_class_display())
    yield Limit(
        _("Tier not stricter"),
        standing.assessment is not None and standing.tier >= plan.tier,
        str(standing.tier),
        _("%(tier)s or milder") % {"tier": plan.tier},
    )
    due = " ".join(standing.due) or _("none is due")
    yield _limit(_("No reassessment due"), not standing.due, due)
    judged = json.loads(base.request.subject) if base else {}
    same = judged.get("inventory_sha256") == given.inventory_sha256
    yield _limit(
        _("Inventory record as approved"), same, _("the same") if same else _("changed")
    )
    said = given.declared
    minor = said is None or (
        said.get("change_class") == "minor"
        and said.get("predetermined_change") is True
        and said.get("substantial_modification") is False
    )
    observed = (
        _("no declaration") if said is None else str(said.get("change_class", ""))
    )
    yield _limit(_("Not declared as more than minor"), minor, observed)


def _of_model(plan: ChangePlan, version: ModelVersion) -> Iterator[Limit]:
    """Same algorithm, same features, same source of data, same outcomes."""
    names = {
        "algorithm": _("Same algorithm"),
        "features": _("Same features"),
        "data": _("Same data sets"),
        "outcome": _("Same use of scores"),
    }
    now = traits(version)
    for key, name in names.items():
        wanted = plan.baseline.get(key, "")
        same = bool(wanted) and now[key] == wanted
        yield Limit(name, same, now[key] or _("not recorded"), wanted)


def _of_measurements(
    plan: ChangePlan, reports: Mapping[str, EvidenceReport]
) -> Iterator[Limit]:
    """Every measurement within its bounds, on the data set that the plan names."""
    for limit in plan.limits:
        value = value_of(reports, limit)
        place = measured_on(reports, limit["kind"])
        least, most = limit["at_least"], limit["at_most"]
        within = value is not None and (
            (least is None or value >= least) and (most is None or value <= most)
        )
        same = bool(place) and place == plan.baseline["measured_on"].get(limit["kind"])
        observed = _("not measured") if value is None else f"{value!r} ({place})"
        yield Limit(
            f"{limit['name']} {limit['group']}".strip(),
            within and same,
            observed,
            in_words(limit, plan.baseline["measured_on"].get(limit["kind"], "")),
        )


def in_words(limit: Mapping[str, Any], place: str) -> str:
    """The bounds of a measurement, and the data set that it is measured on."""
    parts = []
    if limit["at_least"] is not None:
        parts.append(_("at least %(value)s") % {"value": limit["at_least"]})
    if limit["at_most"] is not None:
        parts.append(_("at most %(value)s") % {"value": limit["at_most"]})
    return _("%(bounds)s, measured on %(place)s") % {
        "bounds": ", ".join(parts),
        "place": place,
    }


def _limit(name: str, passed: bool, observed: object) -> Limit:
    return Limit(name, passed, str(observed), "")
