"""Conditions of an approval: stated when signing, checked whenever the gate reads."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeGuard
from uuid import UUID

from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from audits.labels import measurement_label
from governance import findings
from governance.case import Case
from governance.models import (
    ApprovalRequest,
    Authorisation,
    Condition,
    Finding,
    Signature,
)
from governance.policy import Check

Kind = Condition.Kind
_NUMBER = {"type": "number"}
_TERMS: dict[str, dict[str, Any]] = {
    Kind.FINDING_CLOSED: {
        "required": ["finding", "until"],
        "properties": {
            "finding": {"type": "string", "format": "uuid"},
            "until": {"type": "string", "format": "date"},
        },
    },
    Kind.TRAFFIC: {
        "required": ["at_most_percent"],
        "properties": {
            "at_most_percent": {"type": "number", "minimum": 0, "maximum": 100}
        },
    },
    Kind.METRIC: {
        "required": ["kind", "measurement", "max_age_days"],
        "oneOf": [{"required": ["at_least"]}, {"required": ["at_most"]}],
        "properties": {
            "kind": {"type": "string", "maxLength": 40},
            "measurement": {"type": "string", "maxLength": 100},
            "at_least": _NUMBER,
            "at_most": _NUMBER,
            "max_age_days": {"type": "integer", "minimum": 1, "maximum": 366},
        },
    },
    Kind.REGION: {
        "required": ["regions"],
        "properties": {
            "regions": {
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": {"type": "string", "pattern": "^[A-Z]{2}(-[A-Z0-9]{1,6})?$"},
            }
        },
    },
    Kind.UNTIL: {
        "required": ["until"],
        "properties": {"until": {"type": "string", "format": "date"}},
    },
}
MOST = 20


class UnusableCondition(Exception):
    """What was stated is no condition that can be checked; `field` names it."""

    field = "conditions"


@dataclass(frozen=True)
class Stated:
    """A condition that a signer states: its kind, and terms that are checked."""

    kind: str
    terms: Mapping[str, Any]


def read(data: Sequence[Mapping[str, Any]]) -> tuple[Stated, ...]:
    """Conditions as they come in by a door. Raises `UnusableCondition`."""
    if len(data) > MOST:
        raise UnusableCondition(
            _("State %(most)s conditions at most.") % {"most": MOST}
        )
    found = []
    for item in data:
        kind, terms = item.get("kind"), item.get("terms")
        if kind not in Kind.values or not isinstance(terms, Mapping):
            raise UnusableCondition(
                _("A condition has terms and one of these kinds: %(kinds)s.")
                % {"kinds": ", ".join(Kind.values)}
            )
        schema = {"type": "object", "additionalProperties": False, **_TERMS[kind]}
        for error in Draft202012Validator(schema).iter_errors(dict(terms)):
            raise UnusableCondition(f"{kind}: {error.message}")
        found.append(Stated(kind, dict(terms)))
    return tuple(found)


def require_usable(
    stated: Sequence[Stated], request: ApprovalRequest, *, at: datetime
) -> None:
    """Refuse what could not be checked on this model. Raises `UnusableCondition`."""
    for item in stated:
        if item.kind not in (Kind.FINDING_CLOSED, Kind.UNTIL):
            continue
        until = _day(item.terms["until"])
        if until is None or until < at.date():
            raise UnusableCondition(_("The last day of a condition is to come."))
        if item.kind == Kind.UNTIL:
            continue
        if _finding(item.terms["finding"], request) is None:
            raise UnusableCondition(_("This model has no such finding."))


def state(stated: Sequence[Stated], signature: Signature) -> list[Condition]:
    """Store what a signer stated, as part of the act of signing."""
    return [
        Condition.objects.create(
            request=signature.request,
            signature=signature,
            kind=item.kind,
            terms=dict(item.terms),
            stated_at=signature.signed_at,
        )
        for item in stated
    ]


def in_words(item: Stated | Condition) -> str:
    """The condition as a sentence, as it is signed and shown."""
    terms = item.terms
    if item.kind == Kind.TRAFFIC:
        return _("It takes at most %(percent)s %% of the traffic.") % {
            "percent": terms["at_most_percent"]
        }
    if item.kind == Kind.REGION:
        return _("It runs only in %(regions)s.") % {
            "regions": ", ".join(terms["regions"])
        }
    if item.kind == Kind.METRIC:
        return _(
            "%(label)s stays %(limit)s, measured every %(days)s days at least."
        ) % {
            "label": measurement_label(terms["measurement"]),
            "limit": _limit(terms),
            "days": terms["max_age_days"],
        }
    if item.kind == Kind.UNTIL:
        return _("It is used until %(until)s and not longer.") % terms
    row = Finding.objects.filter(pk=terms["finding"]).first()
    return _("The finding “%(title)s” is closed until %(until)s.") % {
        "title": row.title if row else terms["finding"],
        "until": terms["until"],
    }


def of_request(request: ApprovalRequest) -> list[Condition]:
    """All conditions of the signatures on a request."""
    return list(request.conditions.prefetch_related("facts"))


def end_of(request: ApprovalRequest) -> datetime | None:
    """The end of the last day that the conditions leave; None where none sets one."""
    rows = request.conditions.filter(kind=Kind.UNTIL)
    days = [parse_date(row.terms["until"]) for row in rows]
    ends = [datetime.combine(day, time.max, UTC) for day in days if day is not None]
    return min(ends, default=None)


def in_permit(case: Case) -> list[dict[str, Any]]:
    """The conditions of what was granted, as they travel in a permit."""
    return [
        {"id": str(row.pk), "kind": row.kind, "terms": row.terms, "text": in_words(row)}
        for row in (_of_case(case) if case.granted else ())
    ]


def _of_case(case: Case) -> list[Condition]:
    """Those of the request that counts; read once for a case."""
    known: list[Condition] | None = vars(case).get("conditions")
    if known is None:
        request = case.granted.request if case.granted else case.request
        nothing = request is None or case.around.none("conditions")
        known = [] if nothing or request is None else of_request(request)
        case.knowing(conditions=known)
    return known


def checks(case: Case) -> list[Check]:
    """A check for each condition of the approval, decided when it is read."""
    if case.authorisation is None:
        return []
    return [_check(row, case) for row in _of_case(case)]


def breached(authorisation: Authorisation, *, at: datetime) -> bool:
    """Whether a condition does not hold now, though nobody has suspended it yet."""
    return bool(breached_among([authorisation], at=at))


def breached_among(
    authorisations: Iterable[Authorisation], *, at: datetime
) -> set[UUID]:
    """The ids of those that `breached` says yes of; most have no conditions at all."""
    found = {row.request_id: row for row in authorisations}
    limited = Condition.objects.filter(request__in=found).order_by()
    rows = [found[key] for key in set(limited.values_list("request_id", flat=True))]
    return {
        row.pk
        for row in rows
        if not all(
            check.passed
            for check in checks(Case(row.version, row.environment, at, granted=row))
        )
    }


def _check(row: Condition, case: Case) -> Check:
    reported = max(row.facts.all(), key=lambda fact: fact.sequence, default=None)
    if reported is not None and not reported.holds:
        passed = False
        observed = _("%(source)s reported %(observed)s") % {
            "source": reported.source,
            "observed": reported.observed,
        }
    elif row.kind == Kind.FINDING_CLOSED:
        passed, observed = _finding_closed(row, case)
    elif row.kind == Kind.METRIC:
        passed, observed = _measured(row, case)
    elif row.kind == Kind.UNTIL:
        until = _day(row.terms["until"])
        passed = until is not None and case.at.date() <= until
        observed = case.at.strftime("%Y-%m-%d")
    else:
        passed = True
        observed = str(reported.observed) if reported else _("not reported yet")
    return Check(
        "condition",
        _("A condition of the approval holds"),
        passed=passed,
        observed=observed,
        because=in_words(row),
        next_step=""
        if passed
        else _("It is met again, or the version is approved anew without it."),
    )


def _finding_closed(row: Condition, case: Case) -> tuple[bool, str]:
    finding = _finding(row.terms["finding"], row.request)
    until = _day(row.terms["until"])
    if finding is None or until is None:
        return False, _("cannot be evaluated")
    standing = findings.standing(finding, case.at)
    closed = standing.state == findings.State.CLOSED
    return closed or case.at.date() <= until, str(standing.state.label)


def _measured(row: Condition, case: Case) -> tuple[bool, str]:
    """The newest report keeps the limit, and is young enough.

    Until the first is due, the time since the approval counts.
    """
    terms = row.terms
    report = case.reports.get(terms["kind"])
    granted = case.authorisation
    oldest = case.at - timedelta(days=terms["max_age_days"])
    young = granted is not None and granted.valid_from >= oldest
    if report is None:
        return young, _("not measured yet")
    values = [
        m.value for m in report.measurements.all() if m.name == terms["measurement"]
    ]
    if not values or any(value is None for value in values):
        return False, _("not estimable")
    keeps = all(_keeps(terms, value) for value in values if value is not None)
    fresh = young or report.reported_at >= oldest
    text = ", ".join(f"{value:.3f}" for value in values if value is not None)
    return keeps and fresh, text if fresh else _("%(values)s, too old") % {
        "values": text
    }


def _keeps(terms: Mapping[str, Any], value: float) -> bool:
    if "at_least" in terms:
        return value >= float(terms["at_least"])
    return abs(value) <= float(terms["at_most"])


def holds(row: Condition, observed: Mapping[str, Any]) -> bool:
    """Whether what was reported keeps the condition; what cannot be read does not."""
    terms = row.terms
    if row.kind == Kind.TRAFFIC:
        share = observed.get("percent")
        return _is_number(share) and 0 <= share <= float(terms["at_most_percent"])
    if row.kind == Kind.REGION:
        regions = observed.get("regions")
        return (
            isinstance(regions, list)
            and bool(regions)
            and all(region in terms["regions"] for region in regions)
        )
    if row.kind == Kind.METRIC:
        value = observed.get("value")
        return _is_number(value) and _keeps(terms, value)
    return False


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _limit(terms: Mapping[str, Any]) -> str:
    if "at_least" in terms:
        return f"≥ {terms['at_least']}"
    return f"≤ {terms['at_most']}"


def _finding(pk: str, request: ApprovalRequest) -> Finding | None:
    rows = findings.told().filter(model=request.version.model)
    return next((row for row in rows if str(row.pk) == pk), None)


def _day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None
