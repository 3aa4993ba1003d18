"""Taking permits back, and the signed list that says so to those without network."""

import json

import pytest

from audits.offline.permit import check_permit
from audits.offline.report import DoesNotHold, Report
from audits.offline.revoked import PAYLOAD_TYPE, check_revoked
from audits.trusted import CannotCheck
from governance import deployments, issued, records, roles
from governance.lifecycle import State
from governance.models import Authorisation, GateDecision, RevocationList
from tests.governance.test_emergencies import staged
from tests.governance.test_emergency_tokens import sealed, used
from tests.governance.test_gate import approved, ask
from tests.governance.test_permit_keys import published
from tests.governance.test_permits import payload
from tests.world import NOW, later


def revoke(world, row: GateDecision, by=None, at=NOW):
    return issued.revoke(
        permit_id=row.pk, reason="It leaked.", by=by or world.rita, at=at
    )


def listed(world, at=NOW) -> RevocationList:
    return issued.revoked_list(by=world.ola, at=at)


def against(row: GateDecision, revoked: RevocationList, at=NOW, seen=None) -> None:
    keys = published(at)
    permit = check_permit(json.loads(row.permit), keys, at, Report())
    check_revoked(permit, json.loads(revoked.envelope), keys, at, Report(), seen=seen)


def test_a_revoked_permit_counts_nowhere_while_the_approval_stands(world):
    version = approved(world)
    row = ask(world)
    revoke(world, row)
    assert issued.state_of(row, at=NOW) == "revoked"
    with pytest.raises(DoesNotHold, match="revoked"):
        against(row, listed(world))
    deployed = deployments.record(
        version=version,
        environment=world.production,
        artifact_sha256=world.artifact().sha256,
        permit_id=str(row.pk),
        by=world.ola,
        at=NOW,
    )
    assert not deployed.authorised
    fresh = ask(world)
    assert fresh.allowed
    against(fresh, listed(world))


def test_a_revoked_permit_is_not_renewed(world):
    approved(world)
    row = ask(world)
    revoke(world, row)
    with pytest.raises(issued.CannotRenew):
        issued.renew(permit=row, by=world.ola, at=NOW)


def test_who_may_revoke_gives_a_reason_and_does_it_once(world):
    approved(world)
    row = ask(world)
    for name in ("ola", "anna", "ben", "vera", "ines", "adam"):
        with pytest.raises(roles.NotAllowed):
            revoke(world, row, by=world.people[name])
    with pytest.raises(records.Refused):
        issued.revoke(permit_id=row.pk, reason=" ", by=world.rita, at=NOW)
    revoke(world, row, by=world.carl)
    with pytest.raises(issued.CannotRevoke):
        revoke(world, row)


def test_a_denial_is_no_permit_to_revoke(world):
    world.ready()
    with pytest.raises(issued.NoSuchPermit):
        revoke(world, ask(world))


def test_the_number_of_the_list_rises_when_it_says_something_else(world):
    approved(world)
    row, other = ask(world), ask(world)
    first = listed(world)
    assert listed(world, later(hours=1)) == first
    revoke(world, row, at=later(hours=1))
    second = listed(world, later(hours=1))
    assert second.sequence > first.sequence
    assert payload(second.envelope)["revoked"] == [str(row.pk)]
    revoke(world, other, at=later(hours=1))
    assert listed(world, later(hours=1)).sequence == second.sequence + 1
    third = listed(world, later(hours=14))
    assert third.sequence > second.sequence, "half of its time is over"


def test_a_stale_list_is_refused(world, settings):
    approved(world)
    settings.FREIGABE_REVOCATION_HOURS = 1
    row, revoked = ask(world), listed(world)
    against(row, revoked, later(minutes=59))
    with pytest.raises(CannotCheck, match="stale"):
        against(row, revoked, later(hours=1))
    with pytest.raises(CannotCheck, match="later"):
        against(row, listed(world, later(hours=2)))


def test_an_old_list_that_is_shown_again_is_refused(world, tmp_path):
    approved(world)
    row, other = ask(world), ask(world)
    old = listed(world)
    revoke(world, other)
    seen = tmp_path / "seen"
    against(row, listed(world), seen=seen)
    with pytest.raises(CannotCheck, match="seen before"):
        against(row, old, seen=seen)
    seen.write_text("many")
    with pytest.raises(CannotCheck, match="number of a list"):
        against(row, old, seen=seen)


def test_a_permit_is_no_list_and_a_list_no_permit(world):
    approved(world)
    row, revoked = ask(world), listed(world)
    keys = published()
    with pytest.raises(DoesNotHold, match=r"of type 'application/vnd\.freigabe"):
        check_permit(json.loads(revoked.envelope), keys, NOW, Report())
    permit = check_permit(json.loads(row.permit), keys, NOW, Report())
    with pytest.raises(DoesNotHold, match="of type"):
        check_revoked(permit, json.loads(row.permit), keys, NOW, Report())
    disguised = json.loads(row.permit) | {"payloadType": PAYLOAD_TYPE}
    with pytest.raises(DoesNotHold, match="No known key"):
        check_revoked(permit, disguised, keys, NOW, Report())


def test_a_summary_is_no_permit(world):
    approved(world)
    row = ask(world)
    for text in (row.vsa, row.svr):
        with pytest.raises(DoesNotHold, match="not a permit"):
            check_permit(json.loads(text), published(), NOW, Report())


def test_a_suspended_approval_puts_its_permits_on_the_list(world):
    approved(world)
    row = ask(world)
    deployments.change_authorisation(
        authorisation=Authorisation.objects.get(),
        to=State.SUSPENDED,
        reason="Drift.",
        by=world.rita,
        at=NOW,
    )
    assert issued.state_of(GateDecision.objects.get(), at=NOW) == "suspended"
    with pytest.raises(DoesNotHold, match="revoked"):
        against(row, listed(world))


def test_an_expired_permit_leaves_the_list(world):
    approved(world)
    row = ask(world)
    revoke(world, row)
    assert payload(listed(world).envelope)["revoked"] == [str(row.pk)]
    assert payload(listed(world, later(hours=25)).envelope)["revoked"] == []


def test_a_sealed_token_is_listed_when_revoked_and_when_used(world):
    version = staged(world)
    first, second = sealed(world, version), sealed(world, version)
    revoke(world, first.token)
    used(world, second, version)
    found = payload(listed(world).envelope)["revoked"]
    assert found == sorted([str(first.token.pk), str(second.token.pk)])
