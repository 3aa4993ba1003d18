"""What a waiver must say, and what may be waived at all (decisions.md 3.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from governance import policy, records
from governance.models import PolicyPack, Waiver
from governance.models.waivers import MOST_DAYS, PRE_VALIDATION_DAYS
from registry.digests import sha256_of_json
from registry.models import Environment, ModelVersion, RegisteredModel

Kind = Waiver.Kind
# A rule that was waived lately is renewed, once, instead of waived anew.
PAUSE = timedelta(days=30)
LATEST_START = timedelta(days=365)


class NotWaivable(Exception):
    """`rules` names a rule that nobody may waive, or that no pack in force has."""

    field = "rules"


class WrongState(Exception):
    """The waiver is decided, revoked or over, so that this cannot follow."""


class SameHand(Exception):
    """Separation of duties forbids this person to decide it (decisions.md 3.4, 4)."""


class NoSeat(Exception):
    """No signature of this person's roles is asked for any more."""


@dataclass(frozen=True)
class Wish:
    """What is asked for; without version or environment it is for all of them."""

    model: RegisteredModel
    rules: tuple[str, ...]
    reason: str
    risk_statement: str
    compensating_controls: str
    plan_to_close: str
    valid_from: datetime
    valid_until: datetime
    version: ModelVersion | None = None
    environment: Environment | None = None
    kind: Waiver.Kind = Kind.RULES
    evidence: str = ""


def require_terms(wish: Wish, tier: int, at: datetime) -> None:
    errors: dict[str, list[str]] = {
        name: [_("This field is needed.")]
        for name in (
            "reason",
            "risk_statement",
            "compensating_controls",
            "plan_to_close",
        )
        if not getattr(wish, name).strip()
    }
    if not wish.rules:
        errors["rules"] = [_("Name at least one rule.")]
    if wish.version is not None and wish.version.model_id != wish.model.pk:
        errors["version"] = [_("This version is of another model.")]
    if wish.valid_from < at - timedelta(minutes=5):
        errors["valid_from"] = [_("A waiver never begins in the past.")]
    elif wish.valid_from > at + LATEST_START:
        errors["valid_from"] = [_("A waiver begins within a year.")]
    days = MOST_DAYS[tier]
    if wish.kind == Kind.PRE_VALIDATION_USE:
        days = min(days, PRE_VALIDATION_DAYS)
    if wish.valid_until <= wish.valid_from:
        errors["valid_until"] = [_("A waiver must end after it begins.")]
    elif wish.valid_until - wish.valid_from > timedelta(days=days):
        errors["valid_until"] = [
            _("A waiver for tier %(tier)s lasts %(days)s days at most.")
            % {"tier": tier, "days": days}
        ]
    if errors:
        raise records.Refused(errors)


def require_waivable(rules: Sequence[str], at: datetime) -> None:
    """Refuse what no pack in force has, and what may never be waived: prohibited
    practices, the digest, signatures, retention (decisions.md 3.7).

    What stands above every pack (`law-001`, `gate-digest`) is in no pack.
    """
    known = _rules_in_force(at)
    for rule_id in rules:
        found = known.get(rule_id, [])
        if not found:
            raise NotWaivable(
                _("%(rule)s is no rule of a pack in force, and cannot be waived.")
                % {"rule": rule_id[:64]}
            )
        if not all(rule.may_be_waived for rule in found):
            raise NotWaivable(
                _("%(rule)s may not be waived: %(title)s.")
                % {"rule": rule_id, "title": found[0].title}
            )


def waivable_rules(at: datetime) -> list[str]:
    """The ids of the rules in force that may be waived, in order."""
    return sorted(
        rule_id
        for rule_id, found in _rules_in_force(at).items()
        if all(rule.may_be_waived for rule in found)
    )


def _rules_in_force(at: datetime) -> dict[str, list[policy.Rule]]:
    """Rules by id, of the newest version of every pack that is in force."""
    rows = (
        PolicyPack.objects.filter(effective_from__lte=at)
        .order_by("slug", "-effective_from", "-version")
        .distinct("slug")
    )
    found: dict[str, list[policy.Rule]] = {}
    for row in rows:
        for rule in policy.parse(row.document).rules:
            found.setdefault(rule.id, []).append(rule)
    return found


def require_pause(waiver: Waiver) -> None:
    """Refuse a second waiver in a row that is no renewal. Raises `WrongState`.

    Otherwise the maximum of a tier could be had again and again.
    """
    rows = Waiver.objects.filter(
        model=waiver.model,
        rules__overlap=waiver.rules,
        decision__granted=True,
        valid_until__gt=waiver.valid_from - PAUSE,
    ).exclude(pk__in=[waiver.pk, waiver.renews_id or waiver.pk])
    if waiver.version is not None:
        rows = rows.filter(Q(version=None) | Q(version=waiver.version))
    if waiver.environment is not None:
        rows = rows.filter(Q(environment=None) | Q(environment=waiver.environment))
    earlier = rows.order_by("-valid_until").first()
    if earlier is not None:
        raise WrongState(
            _("These rules are waived until %(day)s already; renew that waiver, once.")
            % {"day": earlier.valid_until.strftime("%Y-%m-%d")}
        )


def subject(waiver: Waiver) -> str:
    """SHA-256 of everything that the signers of a waiver judge."""
    version = waiver.version
    return sha256_of_json(
        {
            "kind": str(waiver.kind),
            "rules": waiver.rules,
            "model": waiver.model.slug,
            "version_sha256": version.sha256 if version else None,
            "environment": waiver.environment.slug if waiver.environment else None,
            "tier": waiver.tier,
            "reason": waiver.reason,
            "risk_statement": waiver.risk_statement,
            "compensating_controls": waiver.compensating_controls,
            "plan_to_close": waiver.plan_to_close,
            "evidence": waiver.evidence,
            "valid_from": waiver.valid_from.isoformat(),
            "valid_until": waiver.valid_until.isoformat(),
            "renews": str(waiver.renews_id or ""),
        }
    )
