"""Declarations: who may make them, what they must say, and which one counts."""

import pytest
from django.db import ProgrammingError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import declared, declaring, roles
from governance.declarable import KINDS
from governance.evidence_types import EVIDENCE_TYPES
from governance.models import Declaration, RecordSignature, SignatureAttempt
from governance.records import Refused
from governance.signatures import Proof, WrongPassword
from registry.models import Role
from tests.world import NOW, PASSWORD, World, later

pytestmark = pytest.mark.django_db
PROOF = Proof(password=PASSWORD)
SCREENING = {"practices": ["a", "c"], "prohibited": False, "reason": "Credit only."}
PLAN = {
    "metrics": "AUC",
    "thresholds": "0.75, 0.70",
    "frequency_days": 30,
    "owner": "Anna Lindqvist",
}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def model(world):
    return world.model()


def screen(world, model, by=None, at=NOW, **fields):
    return declaring.declare(
        kind="prohibited_practice_screening",
        fields={**SCREENING, **fields},
        model=model,
        proof=PROOF,
        by=by or world.cora,
        at=at,
    )


def test_compliance_signs_the_screening_and_the_record_is_bound_to_it(world, model):
    row = screen(world, model)
    assert row.role == Role.COMPLIANCE
    signature = RecordSignature.objects.get(record_id=row.pk)
    assert signature.subject_sha256 == row.record_sha256
    assert row.record_sha256 in signature.statement
    assert signature.signed_by == world.cora


def test_a_role_that_may_not_declare_a_kind_is_refused_and_told_who_may(world, model):
    with pytest.raises(roles.NotAllowed, match="Compliance officer"):
        screen(world, model, by=world.rita)
    assert not Declaration.objects.exists()


def test_a_wrong_password_declares_nothing_and_is_kept_as_an_attempt(world, model):
    with pytest.raises(WrongPassword):
        declaring.declare(
            kind="prohibited_practice_screening",
            fields=SCREENING,
            model=model,
            proof=Proof(password="wrong"),
            by=world.cora,
            at=NOW,
        )
    assert not Declaration.objects.exists()
    assert SignatureAttempt.objects.filter(attempted_by=world.cora).count() == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"practices": []}, "fields/practices"),
        ({"practices": ["zz"]}, "fields/practices"),
        ({"prohibited": "no"}, "fields/prohibited"),
        ({"reason": ""}, "fields/reason"),
        ({"reason": "   "}, "fields/reason"),
        ({"reason": "x\u202eevil"}, "fields/reason"),
        ({"other": 1}, "fields/other"),
    ],
)
def test_what_does_not_fit_its_form_is_refused_at_its_field(
    world, model, fields, pointer
):
    with pytest.raises(Refused) as refusal:
        screen(world, model, **fields)
    assert pointer in refusal.value.errors
    assert not Declaration.objects.exists()


def test_a_missing_field_is_named(world, model):
    with pytest.raises(Refused) as refusal:
        declaring.declare(
            kind="monitoring_plan",
            fields={"metrics": "AUC"},
            model=model,
            proof=PROOF,
            by=world.anna,
            at=NOW,
        )
    assert set(refusal.value.errors) == {
        "fields/thresholds",
        "fields/frequency_days",
        "fields/owner",
    }


def test_a_kind_is_declared_only_about_what_it_is_for(world, model):
    version = world.version(model)
    for subject in ({}, {"version": version}, {"model": model, "version": version}):
        with pytest.raises(Refused):
            declaring.declare(
                kind="prohibited_practice_screening",
                fields=SCREENING,
                proof=PROOF,
                by=world.cora,
                at=NOW,
                **subject,
            )


def test_the_newest_of_a_kind_counts_and_the_older_one_stays(world, model):
    version = world.version(model)
    screen(world, model)
    screen(world, model, at=later(hours=1), prohibited=True)
    now = declared.held(version, later(hours=2))
    then = declared.held(version, NOW)
    kind = "prohibited_practice_screening"
    assert now.latest(kind).fields["prohibited"] is True
    assert then.latest(kind).fields["prohibited"] is False
    assert now.digests() != then.digests()
    assert [row.sequence for row in Declaration.objects.filter(kind=kind)] == [2, 1]


def test_nobody_changes_or_deletes_a_declaration(world, model):
    row = screen(world, model)
    for write in (
        lambda: Declaration.objects.filter(pk=row.pk).update(fields={}),
        lambda: Declaration.objects.filter(pk=row.pk).delete(),
    ):
        with pytest.raises(ProgrammingError), transaction.atomic():
            write()


def test_a_validator_with_a_hand_in_the_version_does_not_validate_it(world, model):
    version = world.version(model)
    report = {
        "conceptual_soundness": "Sound.",
        "ongoing_monitoring": "Monthly.",
        "outcomes_analysis": "Back-tested.",
        "limitations": "None beyond those stated.",
        "outcome": "passed",
    }
    roles.grant(user=world.ben, role=Role.VALIDATOR, by=world.adam, at=NOW)
    with pytest.raises(declaring.OwnWork, match="developed"):
        declaring.declare(
            kind="validation_report",
            fields=report,
            version=version,
            proof=PROOF,
            by=world.ben,
            at=NOW,
        )
    row = declaring.declare(
        kind="validation_report",
        fields=report,
        version=version,
        proof=PROOF,
        by=world.vera,
        at=NOW,
    )
    assert declared.held(version, NOW).latest("validation_report") == row


def test_a_day_that_is_yet_to_come_is_refused(world, model):
    version = world.version(model)
    with pytest.raises(Refused) as refusal:
        declaring.declare(
            kind="kill_switch_test",
            fields={
                "tested_on": "2999-01-01",
                "minutes_to_stop": 3,
                "provider_informed": "By mail.",
                "outcome": "passed",
            },
            version=version,
            proof=PROOF,
            by=world.ola,
            at=NOW,
        )
    assert "fields/tested_on" in refusal.value.errors


def test_a_training_record_is_kept_for_each_person(world, model):
    version = world.version(model)
    roles.grant(user=world.cora, role=Role.QA, by=world.adam, at=NOW)
    for username in ("carl", "vera"):
        declaring.declare(
            kind="training_record",
            fields={"person": username, "topic": "Part 11", "trained_on": "2026-11-01"},
            proof=PROOF,
            by=world.cora,
            at=NOW,
        )
    held = declared.held(version, NOW)
    assert len(held.declarations["training_record"]) == 2
    assert held.about_person("training_record", world.carl.pk).person == world.carl
    assert held.about_person("training_record", world.ben.pk) is None


def test_a_person_who_does_not_exist_is_refused(world):
    with pytest.raises(Refused) as refusal:
        declaring.declare(
            kind="training_record",
            fields={"person": "nobody", "topic": "x", "trained_on": "2026-11-01"},
            proof=PROOF,
            by=world.cora,
            at=NOW,
        )
    assert "fields/person" in refusal.value.errors


def test_what_is_declared_about_another_model_does_not_count(world, model):
    other = world.model("another")
    screen(world, other)
    held = declared.held(world.version(model), NOW)
    assert held.latest("prohibited_practice_screening") is None


def test_every_kind_is_a_type_that_is_not_our_own_and_bilingual():
    for name, kind in KINDS.items():
        assert EVIDENCE_TYPES[name].attachable, name
        assert kind.about and kind.signed_by, name
        for field in kind.fields:
            assert field.titles["en"] and field.titles["de"], (name, field.name)
        for named in (kind.dated, kind.verdict, *kind.matches):
            assert not named or kind.field(named), (name, named)
        kind.validator.check_schema(kind.schema)


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_input_breaks_a_declaration_or_is_half_stored(world, data):
    """Either it fits its form and is stored whole, or it is refused in a sentence."""
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    names = [field.name for field in KINDS[kind].fields]
    fields = data.draw(
        st.dictionaries(st.sampled_from(names) | st.text(max_size=9), ODD, max_size=6)
        | st.fixed_dictionaries(dict.fromkeys(names, ODD))
    )
    role = KINDS[kind].signed_by[0]
    try:
        with transaction.atomic():
            person = next(p for p in world.people.values() if role in roles.roles_of(p))
            declaring.declare(kind=kind, fields=fields, proof=PROOF, by=person, at=NOW)
    except StopIteration:
        return
    except Refused as refusal:
        assert all(
            "\ud800" not in name and texts for name, texts in refusal.errors.items()
        )
