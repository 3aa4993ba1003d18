"""What changed since a request was submitted and signed, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits import log
from audits.capture import relation
from governance.case import Case
from governance.models import ApprovalRequest
from governance.policy import NoPolicy
from registry.models import RegisteredModel

_LABELS = {
    "version_sha256": gettext_noop("Version"),
    "artifact_sha256": gettext_noop("Model file"),
    "environment": gettext_noop("Environment"),
    "inventory_sha256": gettext_noop("Inventory record"),
    "assessment": gettext_noop("Risk assessment"),
    "evidence": gettext_noop("Evidence"),
    "pack": gettext_noop("Policy"),
    "packs": gettext_noop("Policies"),
    "valid_until": gettext_noop("End of validity"),
    "attached": gettext_noop("Attached evidence"),
    "findings": gettext_noop("Findings"),
    "waivers": gettext_noop("Waivers"),
    "conditions": gettext_noop("Conditions"),
    "id": gettext_noop("identifier"),
    "score": gettext_noop("score"),
    "band": gettext_noop("band"),
    "tier": gettext_noop("tier"),
    "sha256": gettext_noop("digest"),
}


@dataclass(frozen=True)
class Difference:
    """One field of what was judged: as it was submitted, and as it stands now."""

    field: str
    then: str
    now: str


def since_submitted(case: Case) -> list[Difference]:
    """Every difference between the subject of the request and what stands now.

    Fields of the inventory record are read from the log, as the subject holds their
    digest only. Empty where all is as it was signed.
    """
    request = case.request
    if request is None or case.subject_holds:
        return []
    then = json.loads(request.subject)
    try:
        packs = case.pack_subjects
    except NoPolicy:
        packs = []
    now = json.loads(case.subject(packs, request.valid_until))
    found = list(_differences(then, now, (), _names(case)))
    if then.get("inventory_sha256") != now.get("inventory_sha256"):
        found += _of_inventory(request)
    return found


def _names(case: Case) -> dict[str, str]:
    """What people call the findings and waivers that the subject names by key."""
    model = case.version.model
    named = {str(row.pk): row.title for row in model.findings.all()}
    for waiver in model.waivers.all():
        until = waiver.valid_until.strftime("%Y-%m-%d %H:%M UTC")
        named[str(waiver.pk)] = _("until %(until)s") % {"until": until}
    return named


def _differences(
    then: Any, now: Any, path: tuple[str, ...], names: Mapping[str, str]
) -> Iterator[Difference]:
    if then == now:
        return
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted({*then, *now}):
            yield from _differences(then.get(name), now.get(name), (*path, name), names)
        return
    field = ", ".join(names.get(name) or _(_LABELS.get(name, name)) for name in path)
    yield Difference(field, _words(then, names), _words(now, names))


def _words(value: Any, names: Mapping[str, str] | None = None) -> str:
    if names and isinstance(value, str) and value in names:
        return names[value]
    if value is None or value == "":
        return _("none")
    if isinstance(value, str):
        # As much of a digest as people compare.
        is_digest = len(value) == 64 and not set(value) - set("0123456789abcdef")
        return f"{value[:12]}…" if is_digest else value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _of_inventory(request: ApprovalRequest) -> list[Difference]:
    """What the log says about the inventory record since the request."""
    model = request.version.model
    entries = log.entries_for(rel=relation(RegisteredModel), pk=str(model.pk))
    then: dict[str, Any] = {}
    now: dict[str, Any] = {}
    asked = log.entries_for(rel=relation(ApprovalRequest), pk=str(request.pk))
    first = asked.values_list("entry_id", flat=True).first() or 0
    for body in entries.filter(entry_id__gt=first).values_list("body", flat=True):
        image = json.loads(body)
        for name, value in (image.get("old") or {}).items():
            then.setdefault(name, value)
        now |= image.get("new") or {}
    return [
        Difference(
            name.removesuffix("_id").replace("_", " "),
            _words(then[name]),
            _words(now[name]),
        )
        for name in sorted(then.keys() & now.keys())
        if then[name] != now[name]
    ]
