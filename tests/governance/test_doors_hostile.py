"""Each field of each call on decisions, replaced by what an attacker sends."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from django.db import transaction

from audits.models import Entry
from governance import challenges
from governance.models import Condition
from registry.models import Role
from tests.governance.callers import PROBLEM, Caller
from tests.governance.test_conditions import TRAFFIC, approve
from tests.governance.test_declarations_doors import SCREENING
from tests.governance.test_duties import submit
from tests.governance.test_emergencies import allow, confirm, invoked
from tests.governance.test_findings import raised
from tests.governance.test_fleet import happened
from tests.governance.test_matrix_publishing import THREE, own
from tests.governance.test_publishing import person, reviewed
from tests.governance.test_tier_decisions import override
from tests.governance.test_waivers import asked, granted
from tests.world import NOW, PASSWORD, World, later

ODD: list[Any] = [
    *(None, True, -1, 1.5, 2**63, 10**400, "", " ", "a\x00", "\ud800", "x" * 5000),
    *("NaN", "Infinity", "1e999", "0001-01-01T00:00:00+14:00", "0001-01-01"),
    *("9999-12-31T23:59:59-14:00", "9999-12-31", "2026-12-24T00:00:00", "2026-02-30"),
    *("00000000-0000-0000-0000-000000000000", [], [None], {}, {"a": [10**400]}),
    *(["x"] * 2000, "(" * 4000, "[1].all(x, " * 90, "\u202e", "\n"),
]
# Of each field, this many of them, and the next field goes on from there.
EACH = 3
SIGNED = {"password": PASSWORD}
WHY = {"reason": "It is needed."}
UNTIL = later(days=9)
DAY = UNTIL.date().isoformat()


@dataclass(frozen=True)
class Call:
    """A call that works, before somebody spoils one field of it."""

    by: str
    path: str
    body: dict[str, Any]


def calls_on_models(world: World) -> Iterator[Call]:
    """What is asked about models and their versions."""
    version = world.version(world.model("cards"))
    model = version.model
    world.assessed(model)
    risk = model.risk_assessments.get()
    place = {"model": "cards", "version": "1", "environment": "production"}
    assessment = {"likelihood": 4, "impact": 4, "rationale": "It may fail."}
    base = "models/cards"
    yield Call("rita", f"{base}/risk-assessments", assessment)
    yield Call("vera", f"{base}/reassessment-demands", WHY)
    decide = {**WHY, **SIGNED, "tier": 1}
    yield Call("cora", f"risk-assessments/{risk.pk}/overrides", decide)
    taken = override(risk, 1, world.cora)
    back = {**WHY, **SIGNED}
    yield Call("rolf", f"tier-decisions/{taken.pk}/reversal", back)
    world.model("scores")
    yield Call("anna", f"{base}/feeds", {"upstream": "scores"})
    finding = {
        **{"model": "cards", "severity": "high", "title": "T", "text": "X"},
        **{"due_on": DAY, "owner": "anna"},
    }
    yield Call("vera", "findings", finding)
    row = raised(world, model=model)
    step = {"step": "plan", "text": "A new sample."}
    yield Call("anna", f"findings/{row.pk}/steps", step)
    terms = {"text": "It grew.", "severity": "low", "due_on": DAY}
    yield Call("vera", f"findings/{row.pk}/terms", terms)
    accept = {"until": UNTIL.isoformat(), "text": "Bearable.", **SIGNED}
    yield Call("eva", f"findings/{row.pk}/risk-acceptances", accept)
    said = {**place, "kind": "serious", "title": "T", "text": "X"}
    yield Call("ola", "incidents", {**said, "aware_at": NOW.isoformat()})
    row = happened(world, model)
    told = {"authority": "BNetzA", "reference": "1", "sent_at": NOW.isoformat()}
    yield Call("cora", f"incidents/{row.pk}/report", told)
    review = {"model": "cards", "kind": "review", "outcome": "fit", "text": "X"}
    yield Call("rita", "reviews", {**review, **SIGNED})
    notice = {"model": "cards", "text": "It ends.", "support_ends_on": DAY}
    yield Call("anna", "vendor-notices", notice)
    yield Call("adam", "compromised-keys", {"key_id": "ab" * 32, **WHY})
    kind = {"kind": "prohibited_practice_screening", "fields": SCREENING}
    yield Call("cora", "declarations", {**kind, "model": "cards", **SIGNED})
    gone = {**WHY, **SIGNED, "retain_until": "2040-01-01"}
    yield Call("anna", f"{base}/versions/1/retirement", gone)


def calls_on_exceptions(world: World) -> Iterator[Call]:
    """Waivers and break-glass."""
    allow(world)
    first = world.version(world.model("loans"))
    world.assessed(first.model, 4, 4)
    want = {
        **{"model": "loans", "version": "1", "environment": "production", **WHY},
        **{"rules": ["first-004"], "risk_statement": "R", "plan_to_close": "P"},
        **{"compensating_controls": "C", "valid_from": NOW.isoformat()},
        **{"valid_until": UNTIL.isoformat()},
    }
    yield Call("anna", "waivers", want)
    row = asked(world, first)
    yield Call("carl", f"waivers/{row.pk}/signatures", SIGNED)
    yield Call("carl", f"waivers/{row.pk}/rejections", {**WHY, **SIGNED})
    held = granted(world, first)
    again = {**want, "reason": "The sample is late.", "environment": None}
    yield Call("anna", f"waivers/{held.pk}/renewals", again)
    yield Call("rita", f"waivers/{held.pk}/revocation", WHY)
    ready = world.ready("deposits")
    glass = {
        **{"model": "deposits", "version": "1", "environment": "production", **WHY},
        **{"reason_code": "outage", "incident": "I-1", "compensating_controls": "C"},
        **{"expected_end": later(hours=9).isoformat(), **SIGNED},
    }
    yield Call("ola", "break-glass", glass)
    row = invoked(world, ready)
    yield Call("rita", f"break-glass/{row.pk}/confirmation", SIGNED)
    confirm(world, row)
    longer = {"until": later(hours=20).isoformat(), **WHY, **SIGNED}
    yield Call("rita", f"break-glass/{row.pk}/extension", longer)
    yield Call("ola", f"break-glass/{row.pk}/end", WHY)


def calls_on_approvals(world: World) -> Iterator[Call]:
    """Requests, signatures, challenges, delegations, conditions and draws."""
    version = world.ready()
    ask = {"environment": "production", "valid_until": UNTIL.isoformat()}
    base = "models/mortgage-approval/versions/1"
    yield Call("anna", f"{base}/approval-requests", ask)
    row = submit(world, version)
    path = f"approval-requests/{row.pk}"
    sign = {"meaning": "review", "comment": "Sound.", **SIGNED}
    yield Call("vera", f"{path}/signatures", sign)
    yield Call("vera", f"{path}/rejections", {"comment": "No.", **SIGNED})
    item = {"request": str(row.pk), "subject_sha256": row.subject_sha256}
    batch = {"wanted": [{**item, "meaning": "review"}], **SIGNED}
    yield Call("vera", "signature-batches", batch)
    doubt = {"question": "Why?", "expertise": "E", "independence": "I"}
    yield Call("vera", f"{path}/challenges", doubt)
    row_of = challenges.challenge(request=row, by=world.vera, at=NOW, **doubt)
    yield Call("ben", f"challenges/{row_of.pk}/responses", {"text": "So."})
    yield Call("cora", f"{path}/dissents", WHY)
    against = challenges.dissent(request=row, reason="Early.", by=world.cora, at=NOW)
    yield Call("eva", f"dissents/{against.pk}/override", {**WHY, **SIGNED})
    yield Call("anna", f"{path}/withdrawal", WHY)
    lend = {"delegate": "vera", "role": "approver", "valid_until": UNTIL.isoformat()}
    yield Call("carl", "delegations", {**lend, **WHY})
    approve(world, TRAFFIC, version=world.ready("cards"))
    observed = {"percent": 5, "reported_from": "A proxy."}
    yield Call("ola", f"conditions/{Condition.objects.get().pk}/facts", observed)


def calls_on_rules(world: World) -> Iterator[Call]:
    """Packs, matrices, people and webhooks."""
    author = person(world, "paula", Role.POLICY_AUTHOR, Role.POLICY_APPROVER)
    world.people |= {
        "paula": author,
        "piet": person(world, "piet", Role.POLICY_APPROVER),
    }
    yield Call("paula", "policy-drafts", {"shipped": "startup-light", "comment": "C"})
    row = reviewed(author)
    sha256 = row.revisions.get().sha256
    out = {"sha256": sha256, "effective_from": UNTIL.isoformat(), **SIGNED}
    yield Call("piet", f"policy-drafts/{row.pk}/publication", out)
    yield Call("piet", f"policy-drafts/{row.pk}/return", WHY)
    end = {"ends_at": UNTIL.isoformat(), **WHY, **SIGNED}
    yield Call("piet", "policies/first-policy/end", end)
    early = {"adopted": True, **WHY, **SIGNED}
    yield Call("piet", "policies/first-policy/early-adoption", early)
    made = {"document": own(THREE), **WHY, "effective_from": UNTIL.isoformat()}
    yield Call("rita", "risk-matrices/drafts", made)
    name = {"user": "anna", "kind": "external-id", "issuer": "hr", "value": "p-2"}
    yield Call("adam", "person-identities", name)
    same = {"first": "anna", "second": "ben", "same": False, **WHY}
    yield Call("rita", "person-links", same)
    yield Call("adam", "credential-resets", {"user": "anna", **WHY})
    hook = {
        "name": "SIEM",
        "url": "http://127.0.0.1:9/",
        "kinds": ["waiver.expiring"],
    }
    yield Call("adam", "webhooks", hook)
    yield Call("anna", "notifications/wish", {"language": "de", "digest": "daily"})


def written_since(entry: int) -> set[str]:
    """Of which tables the database captured a change after this entry."""
    rows = Entry.objects.filter(entry_id__gt=entry)
    return set(rows.values_list("rel", flat=True))


def newest() -> int:
    row = Entry.objects.order_by("-entry_id").first()
    return row.entry_id if row else 0


# A failed attempt to sign is kept and told, and that a token was used.
KEPT = {
    "public.governance_signatureattempt",
    "public.governance_notification",
    "public.governance_tokenuse",
}


@pytest.mark.parametrize(
    "calls", [calls_on_models, calls_on_exceptions, calls_on_approvals, calls_on_rules]
)
def test_a_spoiled_field_is_named_and_nothing_is_kept(
    world, caller, clock, settings, calls
):
    settings.FREIGABE_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    start, bad = 0, []
    for call in calls(world):
        by = caller(user=call.by)
        by.client.raise_request_exception = False
        if (answer := rolled_back(by, call.path, call.body)[0]).status_code >= 300:
            bad.append((call.path, "is refused", answer.content[:300]))
        for field in call.body:
            for odd in islice(ODD * 2, start % len(ODD), start % len(ODD) + EACH):
                answer, kept = rolled_back(by, call.path, {**call.body, field: odd})
                if wrong := fault(answer, kept, field):
                    bad.append((call.path, field, repr(odd)[:40], wrong))
            start += EACH
    assert bad == [], "\n".join(map(str, bad))


def rolled_back(by: Caller, path: str, body: dict[str, Any]) -> tuple[Any, set[str]]:
    """The answer, and the tables of which something was kept; both undone again."""
    before = newest()
    with transaction.atomic():
        answer = by.post(path, body)
        kept = written_since(before)
        transaction.set_rollback(True)
    return answer, kept


def fault(answer: Any, kept: set[str], field: str) -> str:
    """What is wrong with an answer to a call with this field spoiled."""
    code = answer.status_code
    if code < 400:
        return ""
    if code >= 500 or answer.headers["Content-Type"] != PROBLEM:
        return f"{code} {answer.content[:200]!r}"
    if kept - KEPT:
        return f"{code}, but kept {kept}"
    named = [one["pointer"] for one in answer.json().get("errors", [])]
    if code in (400, 422) and not any(p.startswith(f"/{field}") for p in named):
        return f"{code} names {named}: {answer.json()['detail'][:80]}"
    return ""
