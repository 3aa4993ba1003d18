"""Rules about what people declared or attached: one provider for all such types."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from governance.case import Case
from governance.declarable import KINDS, Kind
from governance.evidence_types import title_of
from governance.policy import Check, Rule
from governance.requirements.answers import (
    a_year_after,
    answer,
    most_days,
    unusable,
)
from governance.requirements.conditions import broken, lacking
from governance.requirements.found import Found, found
from governance.requirements.use import in_use_since
from registry.models import Role

_FIELDS = frozenset({"required_fields", "required_sections", "where"})
_GOOD = ("passed", "warned")


def document(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """The newest declaration or attachment of the type says what the rule asks.

    With `per: dataset` there is one for each data set of the version; with `min_count`
    so many count.
    """
    wrong = unusable(rule, item)
    if wrong is not None:
        return wrong
    if "once_in_use" in item and (early := _not_due(rule, item, case)) is not None:
        return early
    rows = candidates(case, item)
    if item.get("per") == "dataset":
        return _per_dataset(rule, item, case, rows)
    return newest(rule, item, case, rows)


def candidates(case: Case, item: Mapping[str, Any]) -> list[Found]:
    """What is there of the type; attachments only where the rule asks no fields."""
    kind = KINDS.get(item["type"])
    asks = bool(_FIELDS & set(item)) or bool(kind and (kind.must or kind.matches))
    return found(case, item["type"], attachments=not asks)


def newest(
    rule: Rule,
    item: Mapping[str, Any],
    case: Case,
    rows: Sequence[Found],
    more: Sequence[str] = (),
) -> Check:
    """The newest one has no problems; `more` are those that the caller found."""
    title = title_of(item["type"])
    if not rows:
        return answer(
            rule,
            observed=_("%(title)s:") % {"title": title},
            problems=[_("none.")],
            next_step=next_step(item["type"], title),
        )
    row = rows[0]
    wrong = [*problems(item, case, row), *more]
    least = item.get("min_count", 1)
    good = [other for other in rows if not any(problems(item, case, other))]
    if not wrong and len(good) < least:
        wrong = [
            _("%(have)s of %(least)s count.") % {"have": len(good), "least": least}
        ]
    return answer(
        rule,
        observed=_("%(title)s of %(day)s, %(name)s.")
        % {"title": title, "day": row.on.isoformat(), "name": row.name},
        problems=wrong,
        next_step=next_step(item["type"], title),
    )


def _per_dataset(
    rule: Rule, item: Mapping[str, Any], case: Case, rows: Sequence[Found]
) -> Check:
    title = title_of(item["type"])
    if not case.held.datasets:
        return answer(
            rule,
            observed=_("%(title)s:") % {"title": title},
            problems=[_("the version names no data set.")],
            next_step=_("The developer registers a version with its data sets."),
        )
    wrong = []
    for dataset, slug in case.held.datasets.items():
        row = next((row for row in rows if row.dataset == dataset), None)
        if row is None:
            wrong.append(_("none for %(name)s.") % {"name": slug})
        else:
            wrong += [f"{slug}: {text}" for text in problems(item, case, row)]
    return answer(
        rule,
        observed=_("%(title)s for %(count)s data sets.")
        % {"title": title, "count": len(case.held.datasets)},
        problems=wrong,
        next_step=next_step(item["type"], title),
    )


def problems(item: Mapping[str, Any], case: Case, row: Found) -> Iterator[str]:
    """A sentence for each thing that this piece of evidence lacks."""
    kind = KINDS.get(item["type"])
    if row.refused:
        yield row.refused
    if row.declared and kind is not None:
        yield from broken(row.fields, kind.must, kind)
        yield from _mismatches(kind, case, row)
    yield from _verdict(item, kind, row)
    yield from _signers(item, row)
    yield from _ages(item, case, row)
    yield from _verifying(item, case, row)
    names = [*item.get("required_fields", ()), *item.get("required_sections", ())]
    if missing := lacking(row.fields, names, kind):
        yield _("Missing: %(names)s.") % {"names": ", ".join(missing)}
    yield from broken(row.fields, item.get("where", {}), kind)


def _verdict(item: Mapping[str, Any], kind: Kind | None, row: Found) -> Iterator[str]:
    """A failed outcome never counts; where a verdict is asked, there must be one."""
    judged = kind is not None and bool(kind.verdict)
    wanted = item.get("outcome", _GOOD)
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    wanted = [outcome for outcome in wanted if outcome in _GOOD]
    if row.verdict == "failed":
        yield _("Its outcome is: failed.")
    elif (judged or "outcome" in item) and row.verdict not in wanted:
        yield _("It has no outcome that the rule accepts.")


def _mismatches(kind: Kind, case: Case, row: Found) -> Iterator[str]:
    """What was declared must be what the inventory record says now."""
    for name, field in kind.matches.items():
        recorded = getattr(case.version.model, field)
        if _known(row.fields.get(name)) != _known(recorded):
            shown = kind.field(name)
            yield _("The inventory record says something else: %(field)s.") % {
                "field": shown.title if shown else name
            }


def _known(value: Any) -> Any:
    """An empty text is no answer; `False` is one."""
    return None if value == "" else value


def _signers(item: Mapping[str, Any], row: Found) -> Iterator[str]:
    wanted = item.get("signed_by")
    if wanted is not None and row.role not in wanted:
        names = ", ".join(str(Role(r).label) for r in wanted if r in Role.values)
        yield _("It is not signed by: %(roles)s.") % {"roles": names}


def _verifying(item: Mapping[str, Any], case: Case, row: Found) -> Iterator[str]:
    """`verifying_persons`: so many for one point of Annex III (AI Act, Art. 14(5))."""
    asked = item.get("verifying_persons")
    if asked is None:
        return
    model = case.version.model
    point = re.sub(r"[^0-9a-z]", "", model.annex_iii_point.lower())
    if not point and model.ai_act_class == model.AIActClass.HIGH_ANNEX_III:
        yield _("The inventory does not say which point of Annex III it is.")
    persons = row.fields.get("verifying_persons") or 0
    if point == asked["annex_iii_point"] and persons < asked["at_least"]:
        yield _("%(have)s people verify an identification; %(least)s must.") % {
            "have": persons,
            "least": asked["at_least"],
        }


def _ages(item: Mapping[str, Any], case: Case, row: Found) -> Iterator[str]:
    today = case.at.date()
    days = most_days(item, case.tier)
    if days is not None and row.on + timedelta(days=days) < today:
        yield _("It is older than %(days)s days.") % {"days": days}
    years = item.get("max_age_years")
    if years is not None and (
        not isinstance(years, int) or a_year_after(row.on, years) < today
    ):
        yield _("More than %(years)s year has passed.") % {"years": years}
    if "max_age_of_plan" in item:
        allowed = plan_days(item, case)
        if allowed is None:
            yield _("No plan says how often it is due.")
        elif (today - row.on).days > allowed:
            yield _("The plan wants one every %(days)s days at the latest.") % {
                "days": int(allowed)
            }


def plan_days(item: Mapping[str, Any], case: Case) -> float | None:
    """`max_age_of_plan: {plan, times}`: days after which the plan is not kept."""
    asked = item["max_age_of_plan"]
    plan = case.held.latest(asked["plan"])
    days = plan.fields.get("frequency_days") if plan else None
    return days * float(asked["times"]) if isinstance(days, int) else None


def _not_due(rule: Rule, item: Mapping[str, Any], case: Case) -> Check | None:
    """`once_in_use`: nothing is due until the version has been used for that long."""
    since = in_use_since(case)
    if since is None:
        return answer(rule, observed=_("not in use yet, so that none is due"))
    allowed = most_days(item, case.tier)
    if "max_age_of_plan" in item:
        planned = plan_days(item, case)
        allowed = None if planned is None else int(planned)
    if allowed is not None and (case.at - since).days <= allowed:
        return answer(
            rule,
            observed=_("in use since %(day)s; the first is due after %(days)s days")
            % {"day": since.date().isoformat(), "days": allowed},
        )
    return None


def next_step(kind: str, title: str) -> str:
    """Who declares it, else that it is attached."""
    if kind not in KINDS:
        return _("Attach: %(title)s.") % {"title": title}
    return _("%(roles)s declares or attaches: %(title)s.") % {
        "roles": _who_signs(kind, get_language()),
        "title": title,
    }


@lru_cache(maxsize=1024)
def _who_signs(kind: str, _language: str | None) -> str:
    """The roles that may declare it, in the language of the reader."""
    return " / ".join(str(role.label) for role in KINDS[kind].signed_by)
