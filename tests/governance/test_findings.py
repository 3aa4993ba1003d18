"""Findings are closed only when somebody else verified them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from governance import findings, records, remedying, roles
from governance.models import Finding, FindingChange, Severity
from governance.signatures import Proof, WrongPassword
from tests.world import NOW, PASSWORD, World, later

DUE = later(days=30).date()
PROOF = Proof(password=PASSWORD)


def raised(world: World, model=None, **more) -> Finding:
    terms = {
        "severity": Severity.HIGH,
        "title": "Few self-employed people",
        "text": "The training data hold 3 % of them.",
        "due_on": DUE,
        "by": world.vera,
        "at": NOW,
    }
    return findings.raise_finding(model=model or world.model(), **{**terms, **more})


def step(act, finding: Finding, by, text="Done as agreed.", at=NOW, **more):
    return act(finding=finding, text=text, by=by, at=at, **more)


def resolved(world: World, **more) -> Finding:
    finding = raised(world, **more)
    step(remedying.plan, finding, world.anna)
    step(remedying.accept_plan, finding, world.vera)
    step(remedying.resolve, finding, world.anna)
    return finding


def stands(finding: Finding, at=NOW) -> findings.Standing:
    return findings.standing(findings.told().get(pk=finding.pk), at)


def test_a_finding_goes_from_plan_to_evidence_to_verification(world):
    finding = resolved(world)
    assert stands(finding).is_open
    step(remedying.verify, finding, world.rita)
    assert not stands(finding).is_open
    assert findings.open_of(finding.model, NOW) == []
    assert len(findings.all_of(finding.model, NOW)[0].changes) == 5


@pytest.mark.parametrize("who", ["anna", "ben"])
def test_owner_and_developer_never_verify_even_as_validators(world, who):
    finding = resolved(world)
    person = world.people[who]
    roles.grant(user=person, role="validator", by=world.adam, at=NOW)
    with pytest.raises(remedying.SameHand):
        step(remedying.verify, finding, person)
    assert stands(finding).is_open


def test_who_did_the_work_never_verifies_after_handing_it_over(world):
    finding = raised(world, owner=world.rolf)
    step(remedying.resolve, finding, world.rolf)
    step(remedying.change_terms, finding, world.vera, owner=world.cora)
    with pytest.raises(remedying.SameHand):
        step(remedying.verify, finding, world.rolf)
    with pytest.raises(remedying.SameHand):
        step(remedying.verify, finding, world.cora)
    step(remedying.verify, finding, world.vera)


def test_nothing_is_verified_before_there_is_evidence(world):
    finding = raised(world)
    with pytest.raises(remedying.WrongState):
        step(remedying.verify, finding, world.rita)


def test_a_verified_finding_can_be_reopened(world):
    finding = resolved(world)
    step(remedying.verify, finding, world.rita)
    step(remedying.reopen, finding, world.vera, due_on=DUE)
    assert [row.finding for row in findings.open_of(finding.model, NOW)] == [finding]
    with pytest.raises(remedying.WrongState):
        step(remedying.reopen, finding, world.vera, due_on=DUE)


def test_evidence_that_does_not_convince_is_sent_back(world):
    finding = resolved(world)
    step(remedying.send_back, finding, world.vera, "The sample is too small.")
    assert stands(finding).state == FindingChange.State.OPEN


def test_an_audit_finding_is_closed_by_audit_only(world):
    finding = raised(world, by=world.ines)
    assert finding.source == Finding.Source.AUDIT
    step(remedying.resolve, finding, world.anna)
    with pytest.raises(roles.NotAllowed, match="audit"):
        step(remedying.verify, finding, world.rita)
    step(remedying.verify, finding, world.ines)


def test_developers_and_machines_raise_no_findings(world):
    model = world.model()
    with pytest.raises(roles.NotAllowed):
        raised(world, model, by=world.ben)


def test_an_overdue_finding_says_so(world):
    finding = raised(world)
    assert not stands(finding, later(days=30)).overdue
    assert stands(finding, later(days=31)).overdue


def test_an_accepted_risk_counts_until_the_moment_and_no_longer(world):
    finding = raised(world)
    end = later(days=10)
    step(
        remedying.accept_risk,
        finding,
        world.eva,
        "The clerk decides.",
        until=end,
        proof=PROOF,
    )
    assert findings.open_of(finding.model, end - timedelta(seconds=1)) == []
    assert len(findings.open_of(finding.model, end)) == 1


def test_a_risk_manager_accepts_no_high_finding(world):
    finding = raised(world)
    with pytest.raises(roles.NotAllowed, match="executive"):
        step(
            remedying.accept_risk,
            finding,
            world.rita,
            until=later(days=1),
            proof=PROOF,
        )


def test_a_wrong_password_accepts_nothing(world):
    finding = raised(world, severity=Severity.LOW)
    with pytest.raises(WrongPassword):
        step(
            remedying.accept_risk,
            finding,
            world.rita,
            until=later(days=1),
            proof=Proof(password="guess"),
        )
    assert stands(finding).is_open


def test_a_risk_is_accepted_for_a_year_at_most(world):
    finding = raised(world)
    with pytest.raises(records.Refused, match="year"):
        step(
            remedying.accept_risk,
            finding,
            world.eva,
            until=later(days=366),
            proof=PROOF,
        )


def test_findings_of_the_model_and_of_the_version_count_for_a_version(world):
    version = world.version(world.model())
    other = world.version(version.model, "2")
    raised(world, version.model, severity=Severity.LOW)
    own = raised(world, version.model, version=version, severity=Severity.CRITICAL)
    raised(world, version.model, version=other)
    found = findings.open_of(version, NOW)
    assert [row.severity for row in found] == ["critical", "low"]
    assert found[0].finding == own
    assert len(findings.open_of(version.model, NOW)) == 3


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"title": " "}, "title"),
        ({"text": ""}, "text"),
        ({"due_on": later(days=-2).date()}, "due_on"),
        ({"title": "a\u202eb"}, "title"),
        ({"title": "x" * 201}, "title"),
    ],
)
def test_a_finding_without_its_terms_is_refused(world, terms, field):
    with pytest.raises(records.Refused) as caught:
        raised(world, **terms)
    assert field in caught.value.errors
    assert not Finding.objects.exists()


def test_two_changes_cannot_take_the_same_step(world):
    finding = raised(world)
    step(remedying.plan, finding, world.anna)
    latest = finding.changes.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        FindingChange.objects.create(
            finding=finding,
            state="closed",
            severity="high",
            owner=world.anna,
            due_on=DUE,
            text="Quietly.",
            changed_by=world.anna,
            changed_at=NOW,
            sequence=latest.sequence,
        )
