"""What the schema allows in a pack and no gate could evaluate."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from audits.models import EvidenceRun
from governance import evidence_options, expressions, quorum
from governance.evidence_types import EVIDENCE_TYPES
from governance.policy.variables import is_known
from governance.seats import InvalidApprovals


def errors_of(data: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each thing that would make the pack unusable."""
    yield from _condition("applies_when", data["applies_when"])
    for tier, asked in data.get("approvals", {}).items():
        yield from (f"approvals.{tier}: {text}" for text in approvals_lint(asked))
    rules: Sequence[Mapping[str, Any]] = data["rules"]
    for rule_id, count in Counter(rule["id"] for rule in rules).items():
        if count > 1:
            yield _("%(id)s: the id stands more than once.") % {"id": rule_id}
    for rule in rules:
        if "when" in rule:
            yield from _condition(f"{rule['id']}: when", rule["when"])
        for citation in rule["citations"]:
            if later := citation.get("applies_later"):
                yield from _condition(f"{rule['id']}: applies_later", later["when"])
        yield from _dates(rule)
        for item in rule["evidence"]:
            yield from (f"{rule['id']}: {text}" for text in _item(item, rule))


def _condition(place: str, text: str) -> Iterator[str]:
    try:
        expression = expressions.compiled(text)
    except expressions.UnusableExpression as error:
        yield f"{place}: {error}"
        return
    for name in sorted(expression.variables):
        if not is_known(name):
            yield _("%(place)s: the variable %(name)s is not known.") % {
                "place": place,
                "name": name,
            }


def _dates(rule: Mapping[str, Any]) -> Iterator[str]:
    for citation in rule["citations"]:
        first, last = citation.get("valid_from"), citation.get("valid_to")
        if first and last and last < first:
            yield _("%(id)s: a citation ends before it begins.") % {"id": rule["id"]}


def known_types() -> frozenset[str]:
    """All types of evidence that a rule may name."""
    measured = {f"{kind.replace('-', '_')}_report" for kind in EvidenceRun.Kind.values}
    return frozenset(EVIDENCE_TYPES) | measured


def _item(item: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[str]:
    kind = item["type"]
    if kind not in known_types():
        yield _("evidence of the type %(type)s is not known.") % {"type": kind}
        return
    yield from evidence_options.errors_of(item)
    if kind.endswith("_report"):
        yield from _measured(item)
    elif kind == "signature_event":
        if "quorum" in item or "stages" in item:
            yield from approvals_lint(item)
        if len(item) == 1:
            yield _("say what is asked of the signatures.")
    elif kind == "approval":
        days = item.get("max_days")
        if not isinstance(days, dict) or not all(
            isinstance(days.get(tier), int) and not isinstance(days[tier], bool)
            for tier in rule["tiers"]
        ):
            yield _("max_days must give days for each tier.")
    elif kind == "inventory_record" and not item.get("required_fields"):
        yield _("name the required fields.")


def approvals_lint(data: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with stages and seats; see `quorum.parse`."""
    try:
        quorum.parse(data)
    except InvalidApprovals as error:
        yield from error.errors


def _measured(item: Mapping[str, Any]) -> Iterator[str]:
    """A measurement is held against exactly one limit; only a report of performance
    must name one, for others it can be enough that they exist."""
    limits = [item[name] for name in ("at_least", "at_most") if name in item]
    if (
        item["type"] != "performance_report"
        and not limits
        and "measurement" not in item
    ):
        return
    if not isinstance(item.get("measurement"), str) or len(limits) != 1:
        yield _("name a measurement and exactly one limit.")
    elif isinstance(limits[0], bool) or not isinstance(limits[0], int | float):
        yield _("the limit must be a number.")
