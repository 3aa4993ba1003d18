"""Events for the SIEM: complete, in order, in OCSF, for those who may."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audits import log
from audits.models import Leaf
from governance import access, deployments, roles, siem
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision, Signature
from registry.models import Role, RoleAssignment
from tests.governance.callers import PROBLEM, Caller
from tests.governance.ocsf import troubles
from tests.governance.test_gate import approved, ask
from tests.governance.test_waivers import granted
from tests.world import NOW


@pytest.fixture
def told(stage):
    """A world in which much happened, all of it in the log."""
    version = approved(stage)
    assert ask(stage).allowed
    granted(stage, version)
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=stage.rita,
        at=NOW,
    )
    assert not ask(stage).allowed
    roles.end(user=stage.eva, role=Role.EXECUTIVE, by=stage.adam, at=NOW + timedelta(1))
    log.integrate()
    return stage


def everything(leaves: int = siem.MOST_LEAVES) -> list[dict]:
    found, after = [], 0
    while True:
        page = siem.read(after=after, leaves=leaves)
        found += page.events
        after = page.after
        if not page.more:
            return found


def reader(role: Role | None = Role.AUDITOR, **more) -> Caller:
    _token, secret = access.issue_token(
        name="siem", role=role, by=access.system_user(), at=timezone.now(), **more
    )
    return Caller(secret)


def test_each_decision_tells_itself_and_each_of_its_rules(told):
    events = everything()
    for row in GateDecision.objects.all():
        mine = [e for e in events if e["unmapped"].get("decision_id") == str(row.pk)]
        (decision,) = [e for e in mine if e["class_uid"] == 6003]
        assert decision["status_id"] == (1 if row.allowed else 2)
        assert decision["actor"]["user"]["uid"] == str(row.decided_for_id)
        rules = [e for e in mine if e["class_uid"] == 2003]
        assert [r["compliance"]["control"] for r in rules] == [
            c["requirement"] for c in row.checks
        ]
        for rule, check in zip(rules, row.checks, strict=True):
            fails = not check["passed"] and check["severity"] != "warn"
            assert (rule["compliance"]["status_id"] == 3) == fails


def test_approvals_and_what_stopped_them_are_told(told):
    events = [e for e in everything() if e["class_uid"] == 3004]
    signed = {e["unmapped"].get("signature_id") for e in events}
    assert {str(s.pk) for s in Signature.objects.all()} <= signed
    authorisation = str(Authorisation.objects.get().pk)
    activities = [
        e["activity_id"] for e in events if e["entity"]["uid"] == authorisation
    ]
    assert activities == [10, 12]
    (suspended,) = [e for e in events if e["activity_id"] == 12]
    assert suspended["comment"] == "Drift."
    assert suspended["actor"]["user"]["name"] == "rita"
    assert [e["activity_id"] for e in events if e["entity"]["type"] == "waiver"][
        -1
    ] == 10


def test_roles_that_were_given_and_taken_away_are_told(told):
    events = [e for e in everything() if e.get("entity", {}).get("user")]
    given = {e["entity"]["uid"] for e in events if e["activity_id"] == 1}
    assert given == {str(pk) for pk in RoleAssignment.objects.values_list("pk", flat=1)}
    (taken,) = [e for e in events if e["activity_id"] == 4]
    assert taken["entity"]["user"]["name"] == "eva"
    assert taken["actor"]["user"]["name"] == "adam"


def test_every_event_is_what_the_schema_wants(told):
    events = everything()
    assert {e["class_uid"] for e in events} == {2003, 3004, 6003}
    for event in events:
        assert troubles(event) == [], event


@pytest.mark.parametrize(
    "change",
    [
        {"severity_id": 42},
        {"time": "now"},
        {"metadata": {"product": {}}},
        {"surplus": 1},
        {"type_uid": 1},
        {"category_uid": 1},
        {"entity": {}},
        {"activity_id": 42},
    ],
)
def test_the_schema_refuses_what_is_wrong(told, change):
    event = next(e for e in everything() if e["class_uid"] == 3004)
    assert troubles(event) == []
    assert troubles(event | change)


def test_pages_of_any_size_give_the_same_events_once(told):
    whole = everything()
    assert everything(leaves=7) == whole
    uids = [e["metadata"]["uid"] for e in whole]
    assert len(set(uids)) == len(uids)
    order = [e["metadata"]["sequence"] for e in whole]
    assert order == sorted(order)
    leaf = Leaf.objects.get(leaf_index=order[0])
    assert whole[0]["unmapped"]["leaf_hash"] == bytes(leaf.leaf_hash).hex()


def test_the_call_goes_on_where_it_ended(told):
    calling = reader()
    first = calling.get("events?leaves=50")
    assert 'rel="next"' in first.headers["Link"]
    lines, after = first.content.splitlines(), first.headers["Freigabe-Cursor"]
    assert after == "50"
    while True:
        page = calling.get(f"events?after={after}")
        lines += page.content.splitlines()
        after = page.headers["Freigabe-Cursor"]
        if "Link" not in page.headers:
            break
    assert [json.loads(line) for line in lines] == everything()
    whole = calling.get("events")
    assert whole.headers["Content-Type"] == "application/x-ndjson"
    rest = calling.get(f"events?after={after}")
    assert (rest.content, rest.headers["Freigabe-Cursor"]) == (b"", after)


def test_as_json_it_is_an_array(told):
    found = reader().get("events", Accept="application/json")
    assert found.json()[0]["class_uid"] in {2003, 3004, 6003}


@pytest.mark.parametrize("query", ["after=-1", "after=x", "leaves=0", "leaves=9999"])
def test_a_cursor_that_is_none_is_refused(stage, query):
    found = reader().get(f"events?{query}")
    assert found.status_code == 422
    assert found.headers["Content-Type"] == PROBLEM


def test_only_who_reads_the_log_of_everything_reads_events(stage):
    assert reader(Role.CI).get("events").status_code == 403
    assert reader(models_pattern="mortgage-*").get("events").status_code == 403
    assert reader(environments=("production",)).get("events").status_code == 403


def test_the_command_prints_new_events_once(told, tmp_path):
    file = tmp_path / "cursor"
    out = io.StringIO()
    call_command("export_events", cursor_file=file, stdout=out)
    assert [json.loads(x) for x in out.getvalue().splitlines()] == everything()
    again = io.StringIO()
    call_command("export_events", cursor_file=file, stdout=again)
    assert again.getvalue() == ""
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.REVOKED,
        reason="Harm.",
        by=told.rita,
        at=NOW,
    )
    log.integrate()
    call_command("export_events", cursor_file=file, stdout=again)
    told_now = [json.loads(x) for x in again.getvalue().splitlines()]
    assert [e.get("comment") for e in told_now if e["activity_id"] == 11] == ["Harm."]


@pytest.mark.parametrize("text", ["", "-1", "x", "1 2", "²"])
def test_a_broken_cursor_file_stops_the_command(stage, tmp_path, text):
    file = tmp_path / "cursor"
    file.write_text(text)
    with pytest.raises(CommandError):
        call_command("export_events", cursor_file=file, stdout=io.StringIO())
    assert file.read_text() == text
