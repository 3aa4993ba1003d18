"""A signature belongs to one record: edited or copied, it counts as none."""

import uuid

import psycopg
import pytest
from psycopg import sql

from governance import signatures
from governance.case import Case
from governance.models import Authorisation, RecordSignature, Signature
from governance.requirements.quorum import progress
from registry.acts import act
from registry.models import Role
from tests.governance.test_approvals import sign, submit
from tests.world import NOW, PASSWORD, World, log_verified

TABLES = (
    "governance_approvalrequest",
    "governance_recordsignature",
    "governance_signature",
)


@pytest.fixture
def signed(fresh_database, django_db_blocker):
    """A request that Vera has reviewed, and a connection that nothing holds back."""
    with django_db_blocker.unblock():
        log_verified()
        world = World()
        request = submit(world, world.ready())
        sign(request, world.vera, "review")
        with psycopg.connect(fresh_database.superuser_dsn, autocommit=True) as root:
            for table in TABLES:
                name = sql.Identifier(table)
                root.execute(
                    sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name)
                )
            yield world, request, root


def edit(root, table: str, column: str, value: object) -> None:
    root.execute(
        sql.SQL("UPDATE {} SET {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        ),
        [value],
    )


def open_places(request) -> int:
    case = Case(request.version, request.environment, NOW)
    return len(progress(case).missing)


def test_an_edited_signature_counts_as_none(signed):
    world, request, root = signed
    before = open_places(request)
    honest = Signature.objects.values().get()
    edits = {
        "printed_name": "Vera Other",
        "meaning": "approval",
        "role": "approver",
        "statement": "I have read nothing.",
        "comment": "but",
        "method": "a nod",
        "signed_at": "2020-01-01T00:00:00Z",
        "record_sha256": "0" * 64,
        "signed_by_id": world.carl.pk,
    }
    for column, value in edits.items():
        edit(root, "governance_signature", column, value)
        assert not signatures.holds(Signature.objects.get()), column
        assert open_places(request) == before + 1, column
        edit(root, "governance_signature", column, honest[column])
    assert signatures.holds(Signature.objects.get())
    assert open_places(request) == before


def test_a_signature_copied_to_another_request_counts_as_none(signed):
    world, request, root = signed
    other = submit(world, world.ready(slug="second"))
    before = open_places(other)
    root.execute("UPDATE governance_signature SET request_id = %s", [other.pk])
    copy = Signature.objects.get(request=other)
    assert not signatures.holds(copy)
    assert open_places(other) == before
    assert request.signatures.count() == 0


def test_an_edited_request_takes_its_signatures_along(signed):
    _world, _request, root = signed
    edit(root, "governance_approvalrequest", "subject_sha256", "1" * 64)
    assert not signatures.holds(Signature.objects.get())


@act
def sign_waiver(*, record_id, by, at):
    return signatures.sign_record(
        record_type="waiver",
        record_id=record_id,
        subject_sha256="2" * 64,
        statement="I accept it.",
        role=Role.RISK_MANAGER,
        meaning="approval",
        proof=signatures.Proof(password=PASSWORD),
        by=by,
        at=at,
    )


def test_a_signature_on_another_record_does_not_hold(signed):
    world, _request, root = signed
    row = sign_waiver(record_id=uuid.uuid4(), by=world.rita, at=NOW)
    honest = RecordSignature.objects.values().get()
    assert signatures.holds(row)
    for column, value in {
        "record_id": uuid.uuid4(),
        "record_type": "emergency",
        "subject_sha256": "3" * 64,
        "statement": "I accept nothing.",
    }.items():
        edit(root, "governance_recordsignature", column, value)
        assert not signatures.holds(RecordSignature.objects.get()), column
        edit(root, "governance_recordsignature", column, honest[column])


def test_an_untouched_signature_holds(signed):
    world, request, _root = signed
    sign(request, world.carl, "approval")
    assert all(signatures.holds(row) for row in Signature.objects.all())
    assert Authorisation.objects.exists()
