"""What the signatures on a request must be: components, manifestation, binding."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from governance.case import Case
from governance.models import Signature
from governance.policy import Check, Rule
from governance.requirements import quorum
from governance.requirements.answers import answer
from registry.models import Role

_SEATS = frozenset({"quorum", "stages"})


def signature_event(rule: Rule, item: Mapping[str, Any], case: Case) -> Check:
    """`signature_event`: with seats the quorum, else a property of every signature.

    No signature has no properties: then the rule fails.
    """
    if _SEATS & set(item) or item.get("quorum_complete") is True:
        return quorum.signatures(rule, item, case)
    unknown = set(item) - {"type", *_ASKED}
    if unknown or len(item) == 1:
        return answer(
            rule,
            observed=_("cannot be evaluated:"),
            problems=[_("nobody evaluates: %s.") % ", ".join(sorted(unknown))],
            next_step=_("The policy author corrects the pack."),
        )
    rows = [s for s in case.signatures if s.meaning != Signature.Meaning.REJECTION]
    if not case.subject_holds:
        rows = []
    problems = [] if rows else [_("Nobody has signed what stands here now.")]
    for name, wanted in item.items():
        if rows and name != "type":
            problems += _ASKED[name](wanted, rows, case)
    return answer(
        rule,
        observed=_("%(count)s signatures.") % {"count": len(rows)},
        problems=problems,
        next_step=_("The people whom the policy names sign the request."),
    )


def _components(wanted: Any, rows: list[Signature], _case: Case) -> Iterator[str]:
    """21 CFR 11.200(a)(1): every method of ours has two components at least."""
    for row in rows:
        if wanted != 2 or not row.method:
            yield _("%(name)s signed with an unknown method.") % {
                "name": row.printed_name
            }


def _manifest(wanted: Any, rows: list[Signature], _case: Case) -> Iterator[str]:
    """21 CFR 11.50(a): printed name, date and time with zone, and meaning."""
    known = {"printed_name", "signed_at", "meaning", "timezone"}
    for row in rows:
        shown = {
            "printed_name": bool(row.printed_name),
            "signed_at": row.signed_at is not None,
            "meaning": row.meaning in Signature.Meaning.values,
            "timezone": row.signed_at.tzinfo is not None,
        }
        for name in wanted:
            if name not in known or not shown[name]:
                yield _("%(name)s: not shown: %(field)s.") % {
                    "name": row.printed_name,
                    "field": name,
                }


def _bound(wanted: Any, rows: list[Signature], case: Case) -> Iterator[str]:
    """21 CFR 11.70: the digest computed anew is the one that was stored."""
    for row in rows:
        if wanted != "record_digest" or row not in case.holding:
            yield _("The signature of %(name)s belongs to another record.") % {
                "name": row.printed_name
            }


def _signed_as(wanted: Any, rows: list[Signature], _case: Case) -> Iterator[str]:
    """One signature by this role with this meaning."""
    role, meaning = wanted.get("role"), wanted.get("meaning")
    if not any(row.role == role and row.meaning == meaning for row in rows):
        label = Role(role).label if role in Role.values else role
        yield _("Nobody signed as %(role)s with the meaning %(meaning)s.") % {
            "role": label,
            "meaning": meaning,
        }


def _distinct(wanted: Any, rows: list[Signature], case: Case) -> Iterator[str]:
    """At least one approval by somebody without a hand in the version."""
    hands = case.hands
    others = [row for row in rows if str(row.signed_by_id) not in hands]
    if wanted != "developer" or not others:
        yield _("Nobody signed who has no hand in the version.")


_ASKED: dict[str, Callable[[Any, list[Signature], Case], Iterator[str]]] = {
    "components_min": _components,
    "reauthenticated": _components,
    "fields": _manifest,
    "covers": _bound,
    "signed_as": _signed_as,
    "distinct_from": _distinct,
}
