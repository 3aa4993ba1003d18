"""A report of another file than the registered one, and who is told of it."""

import functools

from governance import access
from governance.models import Announcement, SecurityEvent
from governance.reconciliation import tell_unauthorised
from tests.governance.cluster import ELSEWHERE
from tests.governance.racing import at_once
from tests.governance.reconciling import report
from tests.governance.test_gate import approved, ask
from tests.world import NOW


def test_another_file_than_the_registered_one_is_a_security_event(world):
    version = approved(world)
    report(world, version)
    assert not SecurityEvent.objects.exists()
    report(world, version, str(ask(world).pk), sha256=ELSEWHERE)
    event = SecurityEvent.objects.get()
    assert (event.seen, event.decision) == (ELSEWHERE, None)
    assert event.expected == world.artifact().sha256


def test_two_workers_tell_of_an_unauthorised_report_once(stage):
    report(stage, approved(stage), sha256=ELSEWHERE)
    tell = functools.partial(tell_unauthorised, by=access.system_user(), at=NOW)
    assert sorted(at_once((), tell, tell)) == [0, 1]
    assert Announcement.objects.filter(kind="deployment.unauthorised").count() == 1
