"""The policy in force, rule by rule, with what it cites."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from audits.labels import measurement_label
from governance.policy import NoPolicy, Rule, current_pack, parse
from governance.web.frame import PersonRequest, page, show
from governance.web.limits import Limit


@dataclass(frozen=True)
class Line:
    """A rule in words."""

    id: str
    title: str
    text: str
    tiers: str
    gate: str
    limit: str
    citations: tuple[dict[str, str], ...]


@page
def pack_page(request: PersonRequest) -> HttpResponse:
    """Show the pack in force; without one nothing can pass."""
    try:
        row = current_pack(at=timezone.now())
    except NoPolicy as refusal:
        context = {"because": str(refusal)}
        return show(request, "policy/pack.html", context, section="policy")
    pack = parse(row.document)
    language = (get_language() or "en")[:2]
    return show(
        request,
        "policy/pack.html",
        {
            "row": row,
            "pack": pack,
            "title": pack.titles.get(language, pack.titles["en"]),
            "rules": [_line(rule) for rule in pack.rules],
        },
        section="policy",
    )


def _line(rule: Rule) -> Line:
    statuses = _statuses()
    return Line(
        id=rule.id,
        title=rule.title,
        text=rule.text,
        tiers=", ".join(str(tier) for tier in sorted(rule.tiers)),
        gate=_gates().get(rule.gate, rule.gate),
        limit="; ".join(filter(None, map(_limit, rule.evidence))),
        citations=tuple(
            {
                "ref": citation.ref,
                "status": statuses.get(citation.status, citation.status),
            }
            for citation in rule.citations
        ),
    )


def _limit(item: Mapping[str, Any]) -> str:
    """The number that a piece of evidence is held against."""
    if "measurement" not in item:
        return ""
    label = measurement_label(item["measurement"])
    return f"{label} {Limit.of(item).text}".strip()


def _gates() -> dict[str, str]:
    return {
        "register": _("registration"),
        "submit": _("submission"),
        "validate": _("validation"),
        "approve": _("approval"),
        "sign": _("signatures"),
        "deploy": _("deployment"),
        "continuous": _("operation"),
    }


def _statuses() -> dict[str, str]:
    return {
        "in_force": _("in force"),
        "adopted_not_yet_applicable": _("adopted, not yet applicable"),
        "draft": _("draft"),
        "rescinded": _("rescinded"),
        "under_rescission": _("being rescinded"),
        "voluntary": _("voluntary"),
    }
