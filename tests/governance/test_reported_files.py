"""A report of another file than the registered one."""

from governance.models import SecurityEvent
from tests.governance.cluster import ELSEWHERE
from tests.governance.test_gate import approved, ask
from tests.governance.test_reconciliation import report


def test_another_file_than_the_registered_one_is_a_security_event(world):
    version = approved(world)
    report(world, version)
    assert not SecurityEvent.objects.exists()
    report(world, version, str(ask(world).pk), sha256=ELSEWHERE)
    event = SecurityEvent.objects.get()
    assert (event.seen, event.decision) == (ELSEWHERE, None)
    assert event.expected == world.artifact().sha256
