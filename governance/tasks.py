"""The clock's ticks: each takes what is pending, until nothing is."""

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from audits import capture, epochs, execution, log, verification
from audits.export.export import ExportError, export
from audits.integration import Lagging
from audits.models import Verification
from governance.dossier import build
from registry.acts import through

VERIFY_EVERY = timedelta(minutes=5)
logger = logging.getLogger(__name__)


@shared_task(name="governance.tasks.integrate_log")
def integrate_log() -> None:
    """Give new log entries their places, and sign a checkpoint."""
    with through("task"):
        now = timezone.now()
        try:
            epochs.retire_due(at=now)
            log.advance(at=now)
        except (Lagging, epochs.EpochRefused) as error:
            logger.warning("%s", error)


@shared_task(name="governance.tasks.tend_log")
def tend_log() -> None:
    """Record how the log's guards stand, and make room for entries to come."""
    capture.tend()


@shared_task(name="governance.tasks.verify_log")
def verify_log() -> None:
    """Verify the whole log when that is due; the gate shuts when it does not hold.

    Asked often and done seldom, so that a fresh or long-stopped installation does not
    wait with a shut gate.
    """
    now = timezone.now()
    last = Verification.objects.order_by("-id").first()
    if last is not None and now - last.ran_at < VERIFY_EVERY:
        return
    with through("task"):
        verification.run_and_record(at=now)


@shared_task(name="governance.tasks.export_log")
def export_log() -> None:
    """Copy what is signed to the write-once storage that FREIGABE_EXPORT names."""
    with through("task"):
        try:
            export(to=settings.FREIGABE_EXPORT, at=timezone.now())
        except ExportError as error:
            logger.error("The log was not exported: %s", error)


@shared_task(name="governance.tasks.execute_evidence")
def execute_evidence() -> None:
    """Execute waiting evidence runs, one after the other."""
    with through("task"):
        while execution.execute_next():
            pass


@shared_task(name="governance.tasks.render_dossiers")
def render_dossiers() -> None:
    """Build waiting dossiers, one after the other."""
    with through("task"):
        while build.build_next():
            pass
