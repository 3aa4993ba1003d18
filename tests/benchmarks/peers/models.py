"""One row of eleven columns (log.md 6) for each way of recording its changes."""

import pghistory
from auditlog.registry import auditlog
from simple_history.models import HistoricalRecords

from tests.benchmarks.peers.row import Row


class Plain(Row):
    """Recorded by nobody."""


class Ours(Row):
    """Recorded by audits_capture."""


class OursPersonal(Row):
    """Recorded by audits_capture, with a commitment to the e-mail address."""


@pghistory.track()
class Pghistory(Row):
    """Recorded by django-pghistory's triggers, inserts and updates."""


class SimpleHistory(Row):
    """Recorded by django-simple-history's signals."""

    history = HistoricalRecords()


class Auditlog(Row):
    """Recorded by django-auditlog's signals."""


auditlog.register(Auditlog)
