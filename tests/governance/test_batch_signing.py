"""Signing several requests at once: each with its own digest, or none at all."""

import pytest

from governance import approvals
from governance.models import Signature, SignatureAttempt
from governance.signatures import Proof, WrongPassword, record_digest
from tests.governance.test_duties import sign, submit
from tests.world import NOW, PASSWORD


@pytest.fixture
def two(world):
    """Two requests that wait for Vera's review."""
    return [submit(world, world.ready(slug)) for slug in ("mortgage-approval", "cards")]


def wanted(requests, **more):
    return [
        approvals.Wanted(
            **{"request": r, "meaning": "review", "subject_sha256": r.subject_sha256}
            | more
        )
        for r in requests
    ]


def batch(items, by, password=PASSWORD):
    return approvals.sign_batch(
        wanted=items, proof=Proof(password=password), by=by, at=NOW
    )


def test_each_signature_of_a_batch_has_its_own_statement_and_digest(world, two):
    rows = batch(wanted(two), world.vera)
    assert len({row.record_sha256 for row in rows}) == 2
    for row in rows:
        assert row.request.subject_sha256 in row.statement
        assert record_digest(row) == row.record_sha256


def test_one_that_cannot_be_signed_leaves_all_unsigned(world, two):
    sign(two[1], world.vera)
    with pytest.raises(approvals.SameHand):
        batch(wanted(two), world.vera)
    assert not two[0].signatures.exists()


def test_a_record_that_the_signer_did_not_see_is_not_signed(world, two):
    with pytest.raises(approvals.NotOpen, match="not the record"):
        batch(wanted(two, subject_sha256="0" * 64), world.vera)


def test_a_wrong_password_signs_none_and_counts_once(world, two):
    with pytest.raises(WrongPassword):
        batch(wanted(two), world.vera, password="guess")
    assert not Signature.objects.exists()
    assert SignatureAttempt.objects.count() == 1


def test_a_batch_through_the_api(world, two, caller):
    items = [
        {"request": str(r.pk), "subject_sha256": r.subject_sha256, "meaning": "review"}
        for r in two
    ]
    vera = caller(user="vera")
    assert (
        vera.post("signature-batches", {"wanted": [], "password": "x"}).status_code
        == 409
    )
    made = vera.post("signature-batches", {"wanted": items, "password": PASSWORD})
    assert (made.status_code, len(made.json())) == (201, 2), made.content
