"""Two versions of a pack beside each other, in words and as text."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import policy, publishing
from governance.models import PackDraft, PolicyPack
from governance.policy import comparing
from governance.policy.comparing import Change
from governance.web.frame import PersonRequest, page, show
from governance.web.policy import gates, shown_rules


@page
def pack_changes(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """What a published version changed, against `?from=`, else the one before it."""
    row = get_object_or_404(PolicyPack, slug=slug, version=version)
    rows = comparing.others(row)
    asked = request.GET.get("from", "")
    former = comparing.former_of(row, rows, asked) or comparing.former_of(row, rows, "")
    context = {
        "subject": row,
        "document": row.document,
        "former": former,
        "others": rows,
        "draft": None,
    }
    return _shown(request, context)


@page
def draft_changes(request: PersonRequest, draft_id: UUID) -> HttpResponse:
    """What a draft would change, against `?from=`, else the newest published."""
    row = get_object_or_404(PackDraft, pk=draft_id)
    rows = comparing.others(row)
    asked = request.GET.get("from", "")
    former = comparing.former_of(row, rows, asked) or comparing.former_of(row, rows, "")
    context = {
        "subject": row,
        "document": publishing.text_of(row).document,
        "former": former,
        "others": rows,
        "draft": row,
    }
    return _shown(request, context)


def _shown(request: PersonRequest, context: dict[str, Any]) -> HttpResponse:
    former, document = context["former"], context["document"]
    if former is not None:
        new, old = policy.parse(document), policy.parse(former.document)
        found = comparing.compare(old, new, former.document, document)
        on = timezone.now().date()
        context |= {
            "found": found,
            "head": _worded(found.head),
            "changed": [(item.new, _worded(item.changes)) for item in found.changed],
            "added": shown_rules(found.added, on),
            "removed": shown_rules(found.removed, on),
        }
    return show(request, "policy/changes.html", context, section="policy")


def _worded(changes: Iterable[Change]) -> list[tuple[str, Change]]:
    """Changes with the word of their field, and values as people call them."""
    named = words()
    values = {
        "severity": {"block": _("denies"), "warn": _("warns")},
        "gate": gates(),
    }
    either = {"true": _("yes"), "false": _("no")}
    told = []
    for change in changes:
        said = values.get(change.field, either)
        old, new = said.get(change.old, change.old), said.get(change.new, change.new)
        told.append((named.get(change.field, ""), Change(change.field, old, new)))
    return told


def words() -> dict[str, str]:
    """The fields of packs and rules, as people call them."""
    return {
        "titles": _("Title"),
        "texts": _("Text"),
        "severity": _("If not met"),
        "tiers": _("Tiers"),
        "gate": _("Checked at"),
        "waivable": _("Can be waived"),
        "when": _("Only when"),
        "always": _("Binds before the law applies"),
        "evidence": _("Evidence"),
        "citations": _("Rests on"),
        "applies_when": _("Applies when"),
        "legal_basis": _("Legal basis"),
        "applicability": _("Applicability"),
        "notes": _("Notes"),
        "grace_days": _("Days of grace"),
        "effective_from": _("In force from"),
        "effective_to": _("In force until"),
        "approvals": _("Approvals"),
    }
