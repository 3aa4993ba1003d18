"""Exceptions decided by two people at the same moment: one counts, once."""

import functools

from governance import emergencies, publishing, records, waiving
from governance.models import (
    EmergencyAuthorisation,
    EmergencyExtension,
    PolicyPack,
    RecordSignature,
    WaiverDecision,
)
from registry.models import Role
from tests.governance.racing import at_once
from tests.governance.test_emergencies import PROOF, broken, confirm, invoked
from tests.governance.test_emergencies import staged as emergency_stage
from tests.governance.test_publishing import person, publish, reviewed
from tests.governance.test_waivers import asked, rules, sign, staged
from tests.world import later


def test_two_who_sign_a_waiver_at_once_grant_it_once(stage):
    version = staged(stage)
    waiver = asked(stage, version)
    at_once(
        (), *(functools.partial(sign, waiver, by) for by in (stage.carl, stage.cora))
    )
    assert WaiverDecision.objects.get().granted
    assert RecordSignature.objects.filter(record_id=waiver.pk).count() == 2
    assert rules(stage, version) == {"first-004"}


def test_two_for_one_seat_of_a_waiver_fill_it_once(stage):
    waiver = asked(stage, staged(stage))
    sign(waiver, stage.carl)
    refusals = (waiving.NoSeat, waiving.WrongState)
    came = at_once(
        refusals,
        *(functools.partial(sign, waiver, by) for by in (stage.cora, stage.rita)),
    )
    assert sum(isinstance(one, refusals) for one in came) == 1
    assert WaiverDecision.objects.count() == 1
    assert RecordSignature.objects.filter(record_id=waiver.pk).count() == 2


def test_approving_and_refusing_a_waiver_at_once_is_one_decision(stage):
    waiver = asked(stage, staged(stage))
    sign(waiver, stage.carl)
    refuse = functools.partial(
        waiving.refuse,
        waiver=waiver,
        reason="No.",
        proof=PROOF,
        by=stage.rita,
        at=waiver.valid_from,
    )
    refusals = (waiving.NoSeat, waiving.WrongState)
    came = at_once(refusals, functools.partial(sign, waiver, stage.cora), refuse)
    assert sum(isinstance(one, refusals) for one in came) == 1
    assert WaiverDecision.objects.count() == 1


def test_two_who_confirm_an_emergency_at_once_open_it_once(stage):
    emergency = invoked(stage, emergency_stage(stage))
    came = at_once(
        (emergencies.NotPossible,),
        *(
            functools.partial(confirm, stage, emergency, by)
            for by in (stage.rita, stage.rolf)
        ),
    )
    assert sum(isinstance(one, emergencies.NotPossible) for one in came) == 1
    assert EmergencyAuthorisation.objects.count() == 1
    # Who broke the glass and one who confirmed it; the other signed nothing.
    assert RecordSignature.objects.filter(record_id=emergency.pk).count() == 2


def test_two_extensions_at_once_are_one(stage):
    emergency = broken(stage, emergency_stage(stage))
    extend = functools.partial(
        emergencies.extend,
        emergency=emergency,
        until=later(hours=20),
        reason="The fix is late.",
        proof=PROOF,
        at=later(hours=1),
    )
    refusals = (emergencies.NotPossible, records.AlreadyRegistered)
    came = at_once(
        refusals, *(functools.partial(extend, by=by) for by in (stage.rita, stage.rolf))
    )
    assert sum(isinstance(one, refusals) for one in came) == 1
    row = EmergencyExtension.objects.get()
    assert row in came
    signed = RecordSignature.objects.filter(record_id=emergency.pk)
    assert signed.count() == 3


def test_a_draft_that_two_publish_at_once_is_one_pack(stage):
    draft = reviewed(person(stage, "paula", Role.POLICY_AUTHOR))
    people = [person(stage, name, Role.POLICY_APPROVER) for name in ("piet", "pia")]
    came = at_once(
        (publishing.WrongState,),
        *(functools.partial(publish, draft, by) for by in people),
    )
    assert sum(isinstance(one, publishing.WrongState) for one in came) == 1
    assert PolicyPack.objects.filter(draft=draft).count() == 1
    assert RecordSignature.objects.filter(record_id=draft.pk).count() == 1
