"""Sealed tokens: one use, offline, brought into the record afterwards."""

import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from audits.offline.permit import check_permit
from audits.offline.report import DoesNotHold, Report
from audits.trusted import TrustedKeys
from governance import emergencies, permit, records, roles
from governance.signatures import Proof
from tests.governance.test_emergencies import call, staged
from tests.world import NOW, PASSWORD, World, later

PROOF = Proof(password=PASSWORD)


def sealed(world: World, version, by=None) -> emergencies.Sealed:
    return emergencies.seal(
        version=version,
        environment=world.production,
        reason="For a failure of the data centre.",
        expires_at=later(days=2),
        proof=PROOF,
        by=by or world.rita,
        at=NOW,
    )


def used(world: World, token: emergencies.Sealed, version, by=None, used_at=None):
    used_at = used_at or later(hours=1)
    return emergencies.reconcile(
        envelope=token.envelope,
        used_at=used_at,
        call=call(world, version, expected_end=later(hours=3)),
        proof=PROOF,
        by=by or world.ola,
        at=later(hours=30),
    )


def test_a_sealed_token_is_checked_offline_and_ends(world):
    token = sealed(world, staged(world))
    key = load_pem_public_key(permit.public_pem(permit.gate_key()).encode())
    keys = TrustedKeys(permit={permit.key_id(permit.gate_key()): key})
    envelope = json.loads(token.envelope)
    report = Report()
    check_permit(envelope, keys, later(days=1), report)
    assert any(line.startswith("BREAK-GLASS") for line in report.checked)
    with pytest.raises(DoesNotHold):
        check_permit(envelope, keys, later(days=2), Report())


def test_its_use_is_brought_into_the_record_once(world):
    version = staged(world)
    token = sealed(world, version)
    emergency = used(world, token, version)
    assert emergency.authorisation.valid_from == later(hours=1)
    assert emergency.authorisation.confirmed_by == world.rita
    assert emergencies.state_of(emergency, later(hours=30)) == "awaits-review"
    with pytest.raises(emergencies.NotPossible, match="used already"):
        used(world, token, version)


def test_who_sealed_it_does_not_use_it(world):
    version = staged(world)
    roles.grant(user=world.rita, role="operator", by=world.adam, at=NOW)
    with pytest.raises(emergencies.SameHand):
        used(world, sealed(world, version), version, by=world.rita)


def test_a_token_that_nobody_sealed_is_refused(world):
    version = staged(world)
    token = sealed(world, version)
    forged = emergencies.Sealed(token.token, token.envelope + " ")
    with pytest.raises(emergencies.NotPossible, match="No such token"):
        used(world, forged, version)


@pytest.mark.parametrize("hours", [-1, 48])
def test_a_use_outside_its_time_is_refused(world, hours):
    version = staged(world)
    with pytest.raises((records.Refused, emergencies.NotPossible)):
        used(world, sealed(world, version), version, used_at=later(hours=hours))


def test_operators_seal_nothing(world):
    with pytest.raises(roles.NotAllowed):
        sealed(world, staged(world), by=world.ola)
