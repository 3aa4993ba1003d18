"""A pack on its way, and what is judged by which version."""

import json

import pytest
from django.utils import translation

from governance import (
    access,
    approvals,
    evaluations,
    policy,
    publishing,
    records,
    roles,
    signatures,
)
from governance.case import Case
from governance.models import Authorisation, Evaluation, PolicyPack, RecordSignature
from governance.requirements import APPROVE, DEPLOY, evaluate
from governance.signatures import Proof
from registry.digests import canonical_json
from registry.models import Role
from tests.world import NOW, PASSWORD, later

PROOF = Proof(password=PASSWORD)
FIRST = policy.FIRST_POLICY.read_text("utf-8")
TEXT = FIRST.replace("2026.11.0", "2026.12.0")
EXTRA = """
- id: first-011
  title: {en: A strict screen, de: Eine strenge Prüfung}
  text: The model separates the outcomes almost without error.
  citations: [{ref: House rule, status: voluntary}]
  evidence:
  - {type: performance_report, measurement: roc_auc, at_least: 0.99}
  severity: block
  tiers: [T1, T2, T3, T4]
  gate: deploy
  waivable: true
"""


def person(world, name, *held):
    made = access.create_person(
        username=name,
        first_name=name.capitalize(),
        last_name="Test",
        email=f"{name}@bank.example",
        unit="",
        password=PASSWORD,
        by=access.system_user(),
    )
    for role in held:
        roles.grant(user=made, role=role, by=access.system_user(), at=NOW)
    return made


@pytest.fixture
def author(world):
    return person(world, "paula", Role.POLICY_AUTHOR, Role.POLICY_APPROVER)


@pytest.fixture
def approver(world):
    return person(world, "piet", Role.POLICY_APPROVER)


def reviewed(author, text=TEXT):
    draft = publishing.write(text=text, by=author, at=NOW).draft
    publishing.ask_for_review(draft=draft, by=author, at=NOW)
    return draft


def publish(draft, by, at=NOW, **more):
    sha256 = publishing.text_of(draft).sha256
    return publishing.publish(
        draft=draft, sha256=sha256, proof=PROOF, by=by, at=at, **more
    )


def approved(world, at=NOW):
    request = approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=at
    )
    for who, meaning in ((world.vera, "review"), (world.carl, "approval")):
        approvals.sign(request=request, meaning=meaning, proof=PROOF, by=who, at=at)
    return Authorisation.objects.get()


def test_somebody_else_than_the_author_publishes(world, author, approver):
    draft = reviewed(author)
    with pytest.raises(publishing.SameAuthor, match="Paula"):
        publish(draft, author)
    row = publish(draft, approver, effective_from=later(days=30))
    assert row.effective_from == later(days=30)
    assert publishing.state_of(draft) == "published"
    (signed,) = RecordSignature.objects.filter(record_type="packdraft")
    assert signed.meaning == "approval"
    assert row.sha256 in signed.statement


def test_every_author_of_a_draft_is_remembered(world, author, approver):
    roles.grant(user=approver, role=Role.POLICY_AUTHOR, by=access.system_user(), at=NOW)
    publishing.write(text=TEXT + "# a word\n", by=approver, at=NOW)
    draft = reviewed(author)
    with pytest.raises(publishing.SameAuthor, match="Piet"):
        publish(draft, approver)


def test_only_authors_write_and_only_approvers_publish(world, author, approver):
    with pytest.raises(roles.NotAllowed):
        publishing.write(text=TEXT, by=world.rita, at=NOW)
    with pytest.raises(roles.NotAllowed):
        publish(reviewed(author), world.rita)


def test_what_was_not_reviewed_or_changed_since_is_not_published(
    world, author, approver
):
    draft = publishing.write(text=TEXT, by=author, at=NOW).draft
    with pytest.raises(publishing.WrongState):
        publish(draft, approver)
    publishing.ask_for_review(draft=draft, by=author, at=NOW)
    with pytest.raises(publishing.WrongState, match="in review"):
        publishing.write(text=TEXT + "# more\n", by=author, at=NOW)
    with pytest.raises(publishing.WrongState, match="no longer"):
        publishing.publish(
            draft=draft, sha256="0" * 64, proof=PROOF, by=approver, at=NOW
        )


def test_a_wrong_password_publishes_nothing(world, author, approver):
    draft = reviewed(author)
    with pytest.raises(signatures.WrongPassword):
        publishing.publish(
            draft=draft,
            sha256=publishing.text_of(draft).sha256,
            proof=Proof(password="guess"),  # noqa: S106
            by=approver,
            at=NOW,
        )
    assert publishing.state_of(draft) == "review"
    assert not PolicyPack.objects.filter(version="2026.12.0").exists()


def test_a_published_version_is_final(world, author, approver):
    draft = reviewed(author)
    publish(draft, approver)
    with pytest.raises(policy.InvalidPack, match="raise the version"):
        publishing.write(text=TEXT + "# more\n", by=author, at=later(days=1))
    with pytest.raises(publishing.WrongState):
        publish(draft, approver, at=later(days=1))


def test_a_draft_sent_back_is_written_on(world, author, approver):
    draft = reviewed(author)
    with pytest.raises(records.Refused):
        publishing.send_back(draft=draft, reason=" ", by=approver, at=NOW)
    publishing.send_back(draft=draft, reason="Unclear.", by=approver, at=NOW)
    revision = publishing.write(text=TEXT + "# clear\n", by=author, at=NOW)
    assert (revision.draft, revision.sequence) == (draft, 2)
    publishing.discard(draft=draft, reason="Not needed.", by=author, at=NOW)
    assert publishing.state_of(draft) == "discarded"


def test_a_policy_published_between_two_signatures_voids_the_request(
    world, author, approver
):
    request = approvals.submit(
        version=world.ready(), environment=world.production, by=world.anna, at=NOW
    )
    approvals.sign(
        request=request, meaning="review", proof=PROOF, by=world.vera, at=NOW
    )
    publish(reviewed(author), approver, at=later(minutes=1))
    with pytest.raises(approvals.NotOpen, match="changed since"):
        approvals.sign(
            request=request,
            meaning="approval",
            proof=PROOF,
            by=world.carl,
            at=later(minutes=2),
        )


def test_what_was_granted_is_judged_anew_unless_it_is_spared(world, author, approver):
    granted = approved(world)
    row = publish(
        reviewed(author, TEXT + EXTRA),
        approver,
        effective_from=later(days=1),
        grandfathered_until=later(days=10),
    )

    def failing(at):
        case = Case(granted.version, world.production, at).as_granted()
        return [c.requirement for c in evaluate(case, DEPLOY) if c.blocks]

    assert failing(later(days=9)) == []
    assert failing(later(days=10)) == ["first-011"]
    case = Case(granted.version, world.production, later(days=9)).as_granted()
    assert case.packs[0].in_force.grandfathered_by == row


def second(text, world, **more):
    return policy.publish(text=text, by=access.system_user(), at=NOW, **more)


SECOND = """pack: second
version: 2026.11.0
title: {en: Second, de: Zweite}
legal_basis: [House rules]
applies_when: "%s"
rules:
- id: second-001
  title: {en: Separates, de: Trennt}
  text: The model separates the two outcomes.
  citations: [{ref: House rule, status: %s}]
  evidence:
  - {type: performance_report, measurement: roc_auc, at_least: 0.90}
  severity: %s
  tiers: [T1, T2, T3, T4]
  gate: approve
  waivable: true
"""


def checks_of(world, version, gates=APPROVE):
    found = evaluate(Case(version, world.production, later(minutes=1)), gates)
    return {check.requirement: check for check in found}


def test_all_packs_that_apply_judge_together(world):
    second(SECOND % ("'DE' in jurisdictions", "voluntary", "block"), world)
    version = world.ready()
    assert "second-001" not in checks_of(world, version)
    version.model.jurisdictions = ["DE"]
    found = checks_of(world, version)
    assert found["second-001"].blocks
    assert found["second-001"].pack == "second 2026.11.0"
    assert found["first-003"].passed


def test_a_pack_whose_condition_is_unknown_applies_and_denies(world):
    second(SECOND % ("inventory.is_model == true", "voluntary", "warn"), world)
    found = checks_of(world, world.ready())
    assert found["applies-second"].blocks
    assert "inventory.is_model" in found["applies-second"].because


def test_for_equal_evidence_the_strictest_wins(world):
    second(SECOND % ("always", "voluntary", "warn"), world)
    third = (SECOND % ("always", "in_force", "block")).replace("second", "third")
    version = world.ready()
    assert not checks_of(world, version)["second-001"].blocks
    policy.publish(text=third, by=access.system_user(), at=later(seconds=1))
    assert checks_of(world, version)["second-001"].blocks


def test_an_evaluation_run_again_gives_the_same_bytes(world):
    second(SECOND % ("'DE' in jurisdictions", "in_force", "warn"), world)
    with translation.override("de"):
        approved(world)
    kept = list(Evaluation.objects.all())
    assert {row.occasion for row in kept} == {"submission", "signature"}
    for row in kept:
        for language in ("en", "de"):
            with translation.override(language):
                assert evaluations.again(row) == row.document
    signed = next(row for row in kept if row.occasion == "signature")
    assert signed.passed
    said = json.loads(signed.document)
    assert said["applying"] == ["first-policy 2026.11.0"]
    assert {p["id"] for p in said["packs"]} == {
        "first-policy 2026.11.0",
        "second 2026.11.0",
    }


def test_a_record_that_was_tampered_with_gives_other_bytes(world):
    version = world.ready()
    row = evaluations.evaluate_now(
        version=version, environment=world.production, by=world.rita, at=NOW
    )
    assert not row.passed
    said = {**json.loads(row.document), "passed": True}
    row.document = canonical_json(said).decode()
    assert evaluations.again(row) != row.document


def test_nobody_but_the_installation_publishes_without_a_draft(world, approver):
    with pytest.raises(roles.NotAllowed):
        policy.publish(text=TEXT, by=approver, at=NOW)
    assert not PolicyPack.objects.filter(version="2026.12.0").exists()
