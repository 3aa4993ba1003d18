"""Findings, waivers and break-glass through the API."""

from registry.models import Role
from tests.governance.callers import pointers
from tests.governance.test_emergencies import staged
from tests.world import PASSWORD, later

WAIVER = {
    "rules": ["first-004"],
    "model": "mortgage-approval",
    "version": "1",
    "reason": "The new sample arrives in May.",
    "risk_statement": "Small groups may be refused more often.",
    "compensating_controls": "A clerk looks at every refusal.",
    "plan_to_close": "Measure again with the new sample.",
}


def test_a_finding_goes_its_way(world, caller, clock):
    world.ready()
    vera, anna, rita = (caller(user=name) for name in ("vera", "anna", "rita"))
    answer = vera.post(
        "findings",
        {
            "model": "mortgage-approval",
            "severity": "medium",
            "title": "Few self-employed people",
            "text": "Three per cent.",
            "due_on": later(days=30).date().isoformat(),
        },
    )
    assert answer.status_code == 201, answer.content
    at = f"findings/{answer.json()['id']}"
    for who, step in ((anna, "plan"), (vera, "accept-plan"), (anna, "resolve")):
        answer = who.post(f"{at}/steps", {"step": step, "text": "As agreed."})
        assert answer.status_code == 201, answer.content
    assert anna.post(f"{at}/steps", {"step": "verify", "text": "."}).status_code == 403
    answer = rita.post(f"{at}/steps", {"step": "verify", "text": "Seen."})
    assert (answer.json()["state"], answer.json()["open"]) == ("closed", False)
    again = rita.post(f"{at}/steps", {"step": "verify", "text": "Seen."})
    assert again.status_code == 409
    assert len(vera.get("findings?model=mortgage-approval").json()) == 1
    assert vera.get(at).json()["owner"] == "anna"


def test_a_waiver_goes_its_way(world, caller, clock):
    world.ready()
    anna, carl, cora = (caller(user=name) for name in ("anna", "carl", "cora"))
    body = {
        **WAIVER,
        "valid_from": later().isoformat(),
        "valid_until": later(days=20).isoformat(),
    }
    refused = anna.post("waivers", {**body, "rules": ["first-008"]})
    assert (refused.status_code, pointers(refused)) == (422, ["/rules"])
    too_long = anna.post("waivers", {**body, "valid_until": later(days=61).isoformat()})
    assert pointers(too_long) == ["/valid_until"]
    at = f"waivers/{anna.post('waivers', body).json()['id']}"
    wrong = carl.post(f"{at}/signatures", {"password": "guess"})
    assert (wrong.status_code, pointers(wrong)) == (403, ["/password"])
    for who in (carl, cora):
        answer = who.post(f"{at}/signatures", {"password": PASSWORD})
        assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "active"
    assert len(answer.json()["signatures"]) == 2
    gone = carl.post(f"{at}/revocation", {"reason": "Harm."})
    assert gone.json()["state"] == "revoked"
    assert [row["state"] for row in anna.get("waivers").json()] == ["revoked"]


def test_an_emergency_goes_its_way(world, caller, clock):
    staged(world)
    ola, rita, vera = (caller(user=name) for name in ("ola", "rita", "vera"))
    answer = ola.post(
        "break-glass",
        {
            "model": "mortgage-approval",
            "version": "1",
            "environment": "production",
            "reason_code": "outage",
            "incident": "INC-4711",
            "reason": "The approved version does not start.",
            "compensating_controls": "A clerk decides.",
            "expected_end": later(hours=5).isoformat(),
            "password": PASSWORD,
        },
    )
    assert answer.json()["state"] == "waits", answer.content
    at = f"break-glass/{answer.json()['id']}"
    asked = "gate?model=mortgage-approval&version=1&environment=production"
    assert ola.get(asked).status_code == 403
    same = ola.post(f"{at}/confirmation", {"password": PASSWORD})
    assert same.status_code == 403
    running = rita.post(f"{at}/confirmation", {"password": PASSWORD})
    assert running.json()["state"] == "runs", running.content
    permit = ola.get(asked)
    assert permit.status_code == 200, permit.content
    listed = ola.get(f"permits/{permit.json()['decision_id']}")
    assert listed.json()["state"] == "break-glass"
    ola.post(f"{at}/end", {"reason": "Fixed."})
    gone = ola.get(f"permits/{permit.json()['decision_id']}")
    assert gone.json()["state"] == "expired"
    body = {
        "justified": True,
        "root_cause": "A bad release.",
        "corrective_action": "Canary first.",
        "password": PASSWORD,
    }
    assert rita.post(f"{at}/review", body).status_code == 403
    assert vera.post(f"{at}/review", body).json()["state"] == "reviewed"
    (row,) = ola.get("break-glass/statistics").json()
    assert (row["count"], row["reviewed"]) == (1, 1)


def test_a_machine_breaks_no_glass(world, caller, clock):
    staged(world)
    answer = caller(Role.OPERATOR).post("break-glass", {})
    assert answer.status_code == 422
    body = {
        "model": "mortgage-approval",
        "version": "1",
        "environment": "production",
        "reason_code": "outage",
        "incident": "INC-1",
        "reason": "x",
        "compensating_controls": "x",
        "expected_end": later(hours=5).isoformat(),
        "password": PASSWORD,
    }
    assert caller(Role.OPERATOR).post("break-glass", body).status_code == 403
