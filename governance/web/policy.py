"""The policy packs, and one of them rule by rule, with what it cites."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.labels import measurement_label
from governance import ending, policy, publishing, roles
from governance.evidence_types import title_of
from governance.models import PackDraft, PackStep, PolicyPack, Simulation
from governance.policy import Citation, Pack, Rule
from governance.policy.law import effective_severity, standing
from governance.templatetags.freigabe import short
from governance.web.frame import PersonRequest, page, show
from governance.web.limits import Limit


@dataclass(frozen=True)
class Source:
    """A citation in words, and whether it is law today."""

    ref: str
    status: str
    label: str
    note: str
    stale: bool


@dataclass(frozen=True)
class Line:
    """A rule in words."""

    rule: Rule
    tiers: str
    gate: str
    severity: str
    evidence: tuple[str, ...]
    citations: tuple[Source, ...]


@page
def packs_page(request: PersonRequest) -> HttpResponse:
    """List the packs in force, those to come, and those that were; and the drafts."""
    at = timezone.now()
    shelf = policy.shelf(at=at)
    now = {item.row.pk: item for item in shelf.in_force(at=at)}
    rows = PolicyPack.objects.order_by("slug", "-effective_from")
    return show(
        request,
        "policy/packs.html",
        {
            "packs": [
                {
                    "row": row,
                    "pack": policy.parse(row.document),
                    "now": now.get(row.pk),
                    "coming": row.effective_from > at,
                    "ends_at": shelf.ends.get(row.slug) if row.pk in now else None,
                    "sources": _statuses_of(policy.parse(row.document), at.date()),
                }
                for row in rows
            ],
            "drafts": [
                (row, state)
                for row in PackDraft.objects.order_by("-opened_at")
                if (state := publishing.state_of(row)) != PackStep.State.PUBLISHED
            ],
            "may_write": roles.may(request.user, "write policy"),
        },
        section="policy",
    )


def _statuses_of(pack: Pack, on: date) -> list[tuple[str, str]]:
    """The legal statuses that the sources of a pack have, each once."""
    found = {standing(c, on) for rule in pack.rules for c in rule.citations}
    return [(name, label) for name, label in statuses().items() if name in found]


@page
def pack_page(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """Show one published pack, rule by rule."""
    row = get_object_or_404(PolicyPack, slug=slug, version=version)
    pack = policy.parse(row.document)
    at = timezone.now()
    adopted = policy.shelf(at=at).adopted.get(slug, False)
    return show(
        request,
        "policy/pack.html",
        {
            "row": row,
            "adopted": adopted,
            "others": PolicyPack.objects.filter(slug=slug).exclude(pk=row.pk).exists(),
            "simulations": Simulation.objects.filter(
                revision__draft__slug=slug, revision__draft__version=version
            ),
            "may_decide": roles.may(request.user, ending.RIGHT),
            **shown(pack, at.date(), adopted),
        },
        section="policy",
    )


def shown(pack: Pack, on: date, early_adoption: bool) -> dict[str, Any]:
    """What a page shows of a pack, published or not."""
    lines = [_line(rule, on, early_adoption) for rule in pack.rules]
    stale = sum(any(c.stale for c in line.citations) for line in lines)
    return {"pack": pack, "rules": lines, "stale": stale}


def shown_rules(rules: Iterable[Rule], on: date) -> list[Line]:
    """Some rules in words, with their sources."""
    return [_line(rule, on, early_adoption=False) for rule in rules]


def _line(rule: Rule, on: date, early_adoption: bool) -> Line:
    severity = effective_severity(rule, on=on, early_adoption=early_adoption)
    return Line(
        rule=rule,
        tiers=", ".join(str(tier) for tier in sorted(rule.tiers)),
        gate=gates().get(rule.gate, rule.gate),
        severity=severity,
        evidence=tuple(_evidence(item) for item in rule.evidence),
        citations=tuple(_source(citation, on) for citation in rule.citations),
    )


def _evidence(item: Mapping[str, Any]) -> str:
    """A piece of evidence, with the number that it is held against."""
    return _limit(item) or title_of(item["type"])


def _source(citation: Citation, on: date) -> Source:
    status = standing(citation, on)
    note = ""
    if citation.applies_from and citation.applies_from > on:
        note = _("applies from %(day)s") % {"day": short(citation.applies_from)}
        if citation.later_from:
            note += _("; from %(day)s where %(when)s") % {
                "day": short(citation.later_from),
                "when": citation.later_when,
            }
    elif citation.valid_to:
        note = _("valid until %(day)s") % {"day": short(citation.valid_to)}
    return Source(
        citation.ref,
        status,
        statuses()[status],
        note,
        citation.needs_checking(on),
    )


def _limit(item: Mapping[str, Any]) -> str:
    """The number that a piece of evidence is held against."""
    if "measurement" not in item:
        return ""
    label = measurement_label(item["measurement"])
    return f"{label} {Limit.of(item).text}".strip()


def gates() -> dict[str, str]:
    """When rules are checked, in words."""
    return {
        "register": _("registration"),
        "submit": _("submission"),
        "validate": _("validation"),
        "approve": _("approval"),
        "sign": _("signatures"),
        "deploy": _("deployment"),
        "continuous": _("operation"),
    }


def statuses() -> dict[str, str]:
    """The legal statuses in words."""
    return {
        "in_force": _("in force"),
        "adopted_not_yet_applicable": _("adopted, not yet applicable"),
        "draft": _("draft"),
        "rescinded": _("rescinded"),
        "under_rescission": _("being rescinded"),
        "voluntary": _("voluntary"),
    }
