"""Rule 13: who audits under Local Law 144 is nobody of ours, nor of the vendor."""

import pytest

from audits.models import ForeignEvidence
from governance import access, declaring, persons, roles
from governance.models import Declaration
from governance.records import Refused
from governance.signatures import Proof
from registry.models import Role, User
from tests.governance.callers import pointers
from tests.governance.evidence_stage import (
    envelope,
    lab,
    of_kind,
    signed_by_lab,
    signed_by_person,
    statement,
)
from tests.world import NOW, PASSWORD

DECLARED = {
    "auditor_declaration": {
        "involvement": False,
        "employment": False,
        "financial_interest": False,
    },
    "bias_audit": {
        "audited_on": "2026-11-01",
        "tables": ["sex"],
        "applicants": 100,
        "unknown_count": 0,
        "exclusions_made": False,
        "data_source": "own",
    },
}


@pytest.fixture
def version(world, clock):
    return world.version(world.model(vendor="Scoring"))


def audit(world, version, kind, auditor, **more):
    return declaring.declare(
        kind=kind,
        fields={**DECLARED[kind], "auditor": auditor, **more},
        version=version,
        proof=Proof(password=PASSWORD),
        by=world.cora,
        at=NOW,
    )


@pytest.mark.parametrize("kind", sorted(DECLARED))
@pytest.mark.parametrize(
    ("auditor", "email", "word"),
    [
        ("Vera Haas", "", "works here"),
        (" vera  HAAS", "", "works here"),
        ("V. Haas", "vera@bank.example", "works here"),
        ("A new colleague", "someone@BANK.example", "works here"),
        ("Scoring Inc Audits", "", "of the vendor"),
        ("Audit House", "a@scoring.example", "of the vendor"),
    ],
)
def test_nobody_of_ours_or_of_the_vendor_is_declared_as_auditor(
    world, version, kind, auditor, email, word
):
    User.objects.filter(username="vera").update(email="vera@bank.example")
    more = {"auditor_email": email} if email else {}
    with pytest.raises(Refused, match=rf"^fields/auditor: .*{word}"):
        audit(world, version, kind, auditor, **more)
    assert not Declaration.objects.exists()


@pytest.mark.parametrize("kind", sorted(DECLARED))
def test_an_audit_house_from_outside_is_declared(world, version, kind):
    assert audit(world, version, kind, "Audit House", auditor_email="a@audit.example")


def test_a_private_address_that_was_recorded_is_known_as_ours(world, version):
    persons.record_identity(
        user=world.vera, kind="email", value="haas@home.example", by=world.adam, at=NOW
    )
    with pytest.raises(Refused, match="works here"):
        audit(
            world,
            version,
            "bias_audit",
            "V. H.",
            auditor_email="Haas@home.example",
        )


def test_who_left_the_bank_is_no_outsider(world, version):
    roles.end(user=world.vera, role=Role.VALIDATOR, by=world.adam, at=NOW)
    User.objects.filter(username="vera").update(is_active=False)
    with pytest.raises(Refused, match="works here"):
        audit(world, version, "bias_audit", "Vera Haas")


def test_an_account_of_an_external_auditor_alone_is_none_of_ours(world, version):
    iris = User.objects.create_user(
        "iris", first_name="Iris", last_name="Stone", email="iris@audit.example"
    )
    with pytest.raises(Refused, match="works here"):
        audit(world, version, "bias_audit", "Iris Stone")
    roles.grant(user=iris, role=Role.EXTERNAL_AUDITOR, by=access.system_user(), at=NOW)
    assert audit(world, version, "bias_audit", "Iris Stone")


@pytest.mark.parametrize("address", ["nobody", "a@b", "a b@c.example"])
def test_an_address_that_is_none_is_refused_at_its_field(world, version, address):
    with pytest.raises(Refused, match=r"^fields/auditor_email: "):
        audit(world, version, "bias_audit", "Audit House", auditor_email=address)


@pytest.mark.parametrize("kind", sorted(DECLARED))
@pytest.mark.parametrize("maker", ["Ben Moreau", "Scoring Inc"])
def test_an_audit_by_one_of_ours_is_not_attached(world, version, kind, maker):
    with pytest.raises(Refused, match=r"^produced_by: .* no independent auditor"):
        signed_by_person(world, version, claim={"kind": kind, "produced_by": maker})
    assert not ForeignEvidence.objects.exists()
    # A validation is ours to make: the rule is about these audits alone.
    claim = {"kind": "validation_report", "produced_by": maker}
    assert signed_by_person(world, version, claim=claim)


def test_an_audit_that_the_vendor_signed_is_not_attached(world, version):
    lab(world, slug="scoring")
    said = statement(version, **of_kind("bias_audit"))
    with pytest.raises(Refused, match=r"^envelope: .* of the vendor"):
        signed_by_lab(
            world, version, envelope=envelope(said), claim={"kind": "bias_audit"}
        )


def test_the_api_says_at_which_field_the_auditor_is_wrong(world, caller, version):
    answer = caller(user="cora").post(
        "declarations",
        {
            "kind": "auditor_declaration",
            "model": version.model.slug,
            "version": version.version,
            "fields": {**DECLARED["auditor_declaration"], "auditor": "Vera Haas"},
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 422, answer.content
    assert pointers(answer) == ["/fields/auditor"]
