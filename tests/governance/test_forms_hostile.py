"""Each field of each form on decisions, replaced by what an attacker types."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.test import Client
from django.urls import reverse

from registry.models import Role
from tests.governance.test_emergencies import allow
from tests.governance.test_findings import raised
from tests.governance.test_publishing import person
from tests.governance.test_waivers import granted, staged
from tests.world import PASSWORD, World, later

KEPT, ESCAPED = "Typed with <care>.", "Typed with &lt;care&gt;."
ODD = [
    *("", " ", "a\x00", "x" * 20_001, "NaN", "-1", "9" * 400, "1e999"),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59", "2026-02-30"),
    *(
        "00000000-0000-0000-0000-000000000000",
        "../../x",
        "[1].all(x, " * 90,
        "(" * 4000,
    ),
]
EACH = 4
DAY = later(days=9).date().isoformat()


@dataclass(frozen=True)
class Form:
    """A form that would be accepted, before somebody spoils one field of it."""

    by: str
    path: str
    fields: dict[str, str]


def forms(world: World) -> Iterator[Form]:
    """One of each kind of form."""
    allow(world)
    version = staged(world)
    model, slug = version.model, version.model.slug
    place = str(world.production.pk)
    world.ready("loans")
    anna = {"model": str(model.pk), "text": KEPT}
    notice = {**anna, "support_ends_on": DAY}
    yield Form("anna", reverse("web:record_notice"), notice)
    told = {**anna, "kind": "serious", "title": "T", "hours": "2"}
    yield Form("ola", reverse("web:record_incident"), told)
    key = {"act": "report", "key_id": "ab" * 32, "text": KEPT}
    yield Form("adam", reverse("web:compromised_keys"), key)
    found = {"title": "T", "text": KEPT, "severity": "low", "due_on": DAY}
    yield Form("vera", reverse("web:raise_finding", args=[slug]), found)
    finding = raised(world, model=model)
    step = {"act": "plan", "text": KEPT}
    yield Form("anna", reverse("web:finding", args=[finding.pk]), step)
    texts = {"risk_statement": "R", "compensating_controls": "C", "plan_to_close": "P"}
    want = {
        **{"kind": "rules", "rules": "first-004", "version": str(version.pk)},
        **{"environment": place, "reason": KEPT, "valid_until": DAY, **texts},
    }
    yield Form("anna", reverse("web:request_waiver", args=[slug]), want)
    held = granted(world, version)
    again = {"act": "renew", "reason": KEPT, "valid_until": DAY, **texts}
    yield Form("anna", reverse("web:waiver", args=[held.pk]), again)
    lend = {
        **{"act": "delegate", "to": str(world.vera.pk), "role": "approver"},
        **{"valid_until": later(days=9).strftime("%Y-%m-%dT%H:%M"), "text": KEPT},
    }
    yield Form("carl", reverse("web:delegations"), lend)
    review = {"kind": "review", "outcome": "fit", "text": KEPT}
    yield Form("rita", reverse("web:review", args=[slug]), {**review, **proof("rita")})
    link = {"act": "link", "second": "carl", "same": "no", "reason": KEPT}
    yield Form("rita", reverse("web:person", args=[world.vera.pk]), link)
    matrix = {"document": KEPT, "reason": "R", "effective_from": f"{DAY}T10:00"}
    yield Form("rita", reverse("web:matrices"), matrix)
    world.people["paula"] = person(world, "paula", Role.POLICY_AUTHOR)
    pack = {"document": KEPT, "comment": "C"}
    yield Form("paula", reverse("web:policy_write"), pack)
    submit = {"environment": place, "comment": KEPT, "valid_until": DAY}
    yield Form("anna", reverse("web:submit", args=["loans", "1"]), submit)
    gone = {"retain_until": "2040-01-01", "reason": KEPT, **proof("anna")}
    yield Form("anna", reverse("web:retire", args=["loans", "1"]), gone)


def proof(name: str) -> dict[str, str]:
    return {"user_name": name, "password": PASSWORD}


def test_a_spoiled_field_is_no_defect_and_loses_no_typed_text(world, clock):
    start, bad = 0, []
    client = Client(raise_request_exception=False)
    for form in forms(world):
        client.force_login(world.people[form.by])
        with transaction.atomic():
            good = client.post(form.path, form.fields)
            transaction.set_rollback(True)
        if good.status_code != 302 and "document" not in form.fields:
            bad.append((form.path, "is refused", good.content.decode()[-3000:]))
        for field in form.fields:
            for odd in islice(ODD * 2, start % len(ODD), start % len(ODD) + EACH):
                with transaction.atomic():
                    answer = client.post(form.path, {**form.fields, field: odd})
                    transaction.set_rollback(True)
                said = (form.path, field, odd[:30], answer.status_code)
                if answer.status_code not in (200, 302):
                    bad.append(said)
                typed = form.fields[field] != KEPT and field != "act"
                page = answer.content.decode()
                if answer.status_code == 200 and typed and ESCAPED not in page:
                    bad.append((*said, "lost"))
            start += EACH
    assert bad == [], "\n".join(map(str, bad))
