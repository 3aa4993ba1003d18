"""Why the gate denied, for developers: what was seen, who does what next, where."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from governance.models import GateDecision
from governance.policy import Check


@dataclass(frozen=True)
class Reason:
    """A check that denied; `who` acts next, at `href`, which is called `place`."""

    check: Check
    who: str
    href: str
    place: str
    rule: str = ""


def reasons(decision: GateDecision, checks: Iterable[Check]) -> list[Reason]:
    """Each check that denied, with the way out; empty where the gate allowed."""
    if decision.allowed:
        return []
    return [_reason(decision, check) for check in checks if check.blocks]


def _reason(decision: GateDecision, check: Check) -> Reason:
    if check.requirement == "gate-environment":
        return Reason(check, _("An operator"), reverse("web:running"), _("Deployments"))
    if check.requirement in ("gate-log", "gate-clock", "gate-key"):
        who = _("A platform administrator")
        return Reason(check, who, reverse("web:log"), _("State of the log"))
    if check.requirement == "gate-policy":
        who = _("A policy approver")
        return Reason(check, who, reverse("web:policy"), _("Policy packs"))
    if decision.version is None:
        who = _("The pipeline, or a developer")
        return Reason(check, who, reverse("web:inventory"), _("Models"))
    place = (decision.version.model.slug, decision.version.version)
    if check.requirement in ("gate-status", "gate-authorisation", "gate-unchanged"):
        who = _("The owner, %(name)s") % {
            "name": decision.version.model.owner.printed_name
        }
        return Reason(check, who, reverse("web:version", args=place), _("The version"))
    if check.requirement == "gate-digest":
        who = _("The pipeline, or a developer")
        return Reason(check, who, reverse("web:version", args=place), _("The version"))
    return Reason(
        check,
        _("Whoever the next step names"),
        reverse("web:version", args=place),
        _("The version, with what is missing"),
        _rule(check),
    )


def _rule(check: Check) -> str:
    """Where the rule stands in its pack; empty for what stands above every pack."""
    slug, _gap, version = check.pack.partition(" ")
    if not slug or not version:
        return ""
    return reverse("web:pack", args=[slug, version]) + f"#{check.requirement}"
