"""What the gate and readiness answer as text, JUnit and SARIF."""

from io import StringIO
from xml.etree import ElementTree

import jsonschema_rs
import pytest
import xmlschema

from governance.api.results import junit, sarif, text
from governance.models import GateDecision
from registry.models import Role
from tests.governance.callers import PROBLEM, pointers
from tests.governance.doors import schema, schema_file
from tests.governance.test_gate import approved
from tests.governance.test_waivers import granted, staged
from tests.world import NOW

ASK = "gate?model=mortgage-approval&version=1&environment=production"
READY = "models/mortgage-approval/versions/1/readiness?environment=production"
CHECK = {
    "requirement": "first-001",
    "title": "Purpose",
    "passed": False,
    "observed": "none",
    "because": "SR 26-2",
    "next_step": "The owner writes it.",
    "severity": "block",
    "pack": "first 1",
}


def answer(**check: object) -> dict:
    return {
        "ready": False,
        "model": "m",
        "version": "1",
        "environment": "production",
        "examined_at": NOW,
        "checks": [CHECK | check],
    }


def parsed(document: str | bytes) -> ElementTree.Element:
    return ElementTree.fromstring(document)  # noqa: S314


def by_schema(document: dict) -> None:
    found = schema("sarif/sarif-schema-2.1.0.json")
    jsonschema_rs.validator_for(found, validate_formats=True).validate(document)


def by_xsd(document: str) -> None:
    xmlschema.XMLSchema(schema_file("junit/JUnit.xsd")).validate(StringIO(document))


def results(document: dict) -> list[dict]:
    return document["runs"][0]["results"]


def test_a_denial_as_sarif_names_each_failing_rule_once(world, caller):
    world.ready()
    found = caller(Role.CI).get(f"{ASK}&format=sarif")
    assert found.status_code == 403
    assert found.headers["Content-Type"].startswith("application/sarif+json")
    document = found.json()
    failing = [c for c in GateDecision.objects.get().checks if not c["passed"]]
    assert failing
    told = results(document)
    assert [r["ruleId"] for r in told] == [c["requirement"] for c in failing]
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    for result in told:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"]
        assert result["level"] in {"error", "warning"}
    prints = [r["partialFingerprints"]["freigabeRule/v1"] for r in told]
    assert len(set(prints)) == len(prints)
    by_schema(document)


def test_an_approved_version_as_sarif_has_no_error_and_all_rules(world, caller, clock):
    approved(world)
    document = caller(Role.CI).get(f"{ASK}&format=sarif").json()
    assert {r["level"] for r in results(document)} <= {"warning"}
    checks = GateDecision.objects.get().checks
    rules = document["runs"][0]["tool"]["driver"]["rules"]
    assert {r["id"] for r in rules} == {c["requirement"] for c in checks}
    by_schema(document)


def test_fingerprints_stay_the_same_from_run_to_run_and_differ_by_place(world, caller):
    world.ready()
    first, second = (
        results(caller(Role.CI).get(f"{ASK}&format=sarif").json()) for _ in "12"
    )
    assert [r["partialFingerprints"] for r in first] == [
        r["partialFingerprints"] for r in second
    ]
    here, there = (
        results(sarif.written(answer() | {"environment": name}))[0]
        for name in ("production", "test")
    )
    assert here["partialFingerprints"] != there["partialFingerprints"]


def test_a_waiver_is_a_suppression_and_a_skipped_case(world, caller, clock):
    version = staged(world)
    waiver = granted(world, version)
    ready = f"models/{version.model.slug}/versions/{version.version}/readiness"
    ask = f"{ready}?environment=production"
    calling = caller(user="ola")
    told = results(calling.get(f"{ask}&format=sarif").json())
    (waived,) = [r for r in told if r["ruleId"] == "first-004"]
    (suppression,) = waived["suppressions"]
    assert suppression["kind"] == "external"
    assert suppression["properties"]["waiverId"] == str(waiver.pk)
    assert waiver.reason in suppression["justification"]
    assert not any("suppressions" in r for r in told if r is not waived)
    report = parsed(calling.get(f"{ask}&format=junit").content)
    (case,) = report.findall(".//testcase[skipped]")
    assert case.get("name").startswith("first-004 ")
    lines = calling.get(f"{ask}&format=text").content.decode()
    assert "\nwaiv " in lines


def test_a_denial_as_junit_fails_the_cases_that_deny(world, caller):
    world.ready()
    found = caller(Role.CI).get(f"{ASK}&format=junit")
    assert found.status_code == 403
    document = found.content.decode()
    checks = GateDecision.objects.get().checks
    root = parsed(document)
    assert len(root.findall(".//testcase")) == len(checks)
    denying = [c for c in checks if not c["passed"] and c["severity"] != "warn"]
    assert len(root.findall(".//failure")) == len(denying)
    assert sum(int(s.get("failures")) for s in root) == len(denying)
    assert [s.get("id") for s in root] == [str(n) for n in range(len(root))]
    by_xsd(document)


@pytest.mark.parametrize("severity", ["block", "warn"])
def test_hostile_texts_stay_valid_and_on_their_line(severity):
    evil = "]]> <b>\x00\x1b[2K\x85\u2028\ud800\uffff & \r\nALLOW x"
    data = answer(observed=evil, title=evil, because=evil, severity=severity)
    document = junit.written(data)
    by_xsd(document)
    parsed(document)
    lines = text.written(data)
    assert "\x1b" not in lines
    assert [x for x in lines.splitlines() if x.startswith("ALLOW")] == []


def test_a_warning_fails_no_case_and_stands_in_the_output():
    root = parsed(junit.written(answer(severity="warn")))
    assert root.findall(".//failure") == []
    assert "warn Purpose: none" in root.find(".//system-out").text
    assert results(sarif.written(answer(severity="warn")))[0]["level"] == "warning"


@pytest.mark.parametrize("passed", [None, "", "yes", 1, {}])
def test_what_is_not_plainly_true_fails(passed):
    data = answer(passed=passed)
    assert parsed(junit.written(data)).findall(".//failure")
    assert results(sarif.written(data))[0]["level"] == "error"
    assert "FAIL Purpose" in text.written(data)


def test_readiness_in_every_format_records_nothing(world, caller):
    world.ready()
    calling = caller(Role.CI)
    for name in ("json", "text", "sarif", "junit"):
        assert calling.get(f"{READY}&format={name}").status_code == 200
    by_xsd(calling.get(f"{READY}&format=junit").content.decode())
    by_schema(calling.get(f"{READY}&format=sarif").json())
    assert not GateDecision.objects.exists()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/sarif+json", "application/sarif+json"),
        ("application/xml", "application/xml"),
        ("text/plain", "text/plain"),
        ("*/*", PROBLEM),
    ],
)
def test_the_accept_header_chooses_too(world, caller, accept, kind):
    world.ready()
    found = caller(Role.CI).get(ASK, Accept=accept)
    assert found.status_code == 403
    assert found.headers["Content-Type"].startswith(kind)


@pytest.mark.parametrize("name", ["sarif", "junit"])
def test_what_is_no_answer_is_a_problem_in_json(world, caller, name):
    found = caller(Role.CI).get(f"gate?format={name}")
    assert found.status_code == 422
    assert pointers(found) == ["/environment"]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", "a b", "http://x"])
def test_results_are_placed_in_the_repository_only(world, caller, path):
    world.ready()
    found = caller(Role.CI).get(f"{ASK}&format=sarif&location={path}")
    assert pointers(found) == ["/location"]
    assert not GateDecision.objects.exists()


def test_results_stand_beside_the_file_that_was_named(world, caller):
    world.ready()
    found = caller(Role.CI).get(f"{ASK}&format=sarif&location=models/card.md")
    place = results(found.json())[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "models/card.md"


def test_the_metric_of_argo_rollouts_is_true_for_a_permit_alone(world, caller, clock):
    approved(world)
    found = caller(Role.CI).get(ASK.replace("gate?", "gate/metric?"))
    row = GateDecision.objects.get()
    data = found.json()["data"]
    assert data["ok"] is True
    assert data["approvalId"] == str(row.pk)
    left = (row.expires_at - row.decided_at).total_seconds()
    assert 0 < data["expiresInSeconds"] <= left
    other = ASK.replace("gate?", "gate/metric?").replace("version=1", "version=9")
    denied = caller(Role.CI).get(other)
    assert denied.status_code == 200
    assert denied.json()["data"]["ok"] is False
    assert denied.json()["data"]["approvalId"] is None
    assert denied.json()["data"]["expiresInSeconds"] == 0
    assert caller(Role.CI).get("gate/metric").status_code == 422
