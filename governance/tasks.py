"""The clock's ticks: each takes what is pending, until nothing is."""

import logging
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from audits import capture, epochs, execution, log, verification
from audits.export.export import ExportError, export
from audits.integration import Lagging
from audits.keys import KeyUnusable
from audits.models import Verification
from audits.outside import deliveries, timestamps, witnesses
from audits.selfcheck import TreeDamaged
from audits.signer import SignerRefused
from governance import (
    access,
    fast_lane,
    forges,
    mailing,
    metrics,
    nudge,
    reconciliation,
    reminding,
    triggers,
    webhooks,
)
from governance.dossier import build, removal, scheduling
from governance.ingest import joining
from registry.acts import through

MOST_HELPERS = 16
VERIFY_EVERY = timedelta(minutes=5)
ALARM_EVERY = timedelta(hours=1)
ALARM_AGAIN = timedelta(minutes=5)
_alarmed: dict[str, datetime] = {}
logger = logging.getLogger(__name__)


@worker_ready.connect
def serve_metrics(sender: Any, **_told: Any) -> None:
    """Serve numbers for Prometheus beside the clock's worker, where they are wanted."""
    if (
        settings.FREIGABE_METRICS_PORT
        and "clock" in sender.app.amqp.queues.consume_from
    ):
        metrics.start(settings.FREIGABE_METRICS_HOST, settings.FREIGABE_METRICS_PORT)


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
            _alarm_of_lag(now)
        except (KeyUnusable, SignerRefused, TreeDamaged) as error:
            _alarm("the log is not signed", str(error), now)


def _alarm_of_lag(now: datetime) -> None:
    """Tell the recipients of checkpoints, once an hour, that entries wait too long."""
    lag = log.status(at=now).lag
    limit = timedelta(seconds=settings.FREIGABE_LOG_ALARM_SECONDS)
    if lag is not None and lag > limit:
        _alarm("the log does not advance", f"Entries have waited for {lag}.", now)


def _alarm(subject: str, text: str, now: datetime) -> None:
    """Send an alarm, unless this process sent it within the hour."""
    last = _alarmed.get(subject)
    if last is not None and now - last < ALARM_EVERY:
        return
    logger.error("%s: %s", subject, text)
    failures = deliveries.alarm(subject, text)
    for failure in failures:
        logger.error("%s", failure)
    # What nobody heard is said again sooner.
    _alarmed[subject] = now - (ALARM_EVERY - ALARM_AGAIN if failures else timedelta())


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
    past = Verification.objects.filter(ran_at__lte=now)
    last = past.order_by("-ran_at").first()
    if last is not None and now - last.ran_at < VERIFY_EVERY:
        return
    with through("task"):
        verdict = verification.run_and_record(at=now)
    if not verdict.ok:
        found = "\n".join(str(item["what"]) for item in verdict.findings[:20])
        _alarm("the log does not hold", found, now)


@shared_task(name="governance.tasks.ask_outside", soft_time_limit=300)
def ask_outside() -> None:
    """Ask witnesses and the time-stamp authority, and hand checkpoints to people."""
    now = timezone.now()
    with through("task"):
        try:
            for asked in witnesses.ask_all(at=now):
                if asked.contradicts:
                    _alarm("a witness contradicts the log", asked.problem, now)
                elif asked.problem:
                    logger.warning("%s", asked.problem)
        except ImproperlyConfigured as error:
            logger.error("%s", error)
        try:
            timestamps.stamp(at=now)
        except (timestamps.NotStamped, ImproperlyConfigured) as error:
            logger.warning("%s", error)
        for failure in deliveries.deliver(at=now)[1]:
            logger.warning("%s", failure)


@shared_task(name="governance.tasks.export_log")
def export_log() -> None:
    """Copy what is signed to the write-once storage that FREIGABE_EXPORT names."""
    with through("task"):
        try:
            export(to=settings.FREIGABE_EXPORT, at=timezone.now())
        except ExportError as error:
            logger.error("The log was not exported: %s", error)


@shared_task(name="governance.tasks.remind_signers")
def remind_signers() -> None:
    """Tell people of approvals that wait, and draw lots in the fast lane.

    Nothing is ever approved by the clock.
    """
    with through("task"):
        reminding.remind(at=timezone.now())
        fast_lane.draw_all(at=timezone.now())


@shared_task(name="governance.tasks.pull_triggers")
def pull_triggers() -> None:
    """Act on what changed around models; the gate never waits for this."""
    with through("task"):
        triggers.run(timezone.now())


@shared_task(name="governance.tasks.execute_evidence")
def execute_evidence() -> None:
    """Execute waiting evidence runs, one after the other.

    When a large run was cut into parts, other workers are called to help.
    """
    with through("task"):
        while useful := execution.execute_next():
            for _ in range(min(useful, MOST_HELPERS) - 1):
                nudge.nudge(nudge.EVIDENCE)


@shared_task(name="governance.tasks.render_dossiers")
def render_dossiers() -> None:
    """Build waiting dossiers, one after the other."""
    with through("task"):
        while build.build_next():
            pass


@shared_task(name="governance.tasks.mail_dossiers", soft_time_limit=300)
def mail_dossiers() -> None:
    """Ask for the dossiers that are due, mail those that are ready, remove old ones."""
    with through("task"):
        by = access.system_user()
        while scheduling.request_next(by=by, at=timezone.now()):
            pass
        for failure in scheduling.send_all(by=by, at=timezone.now()):
            logger.warning("%s", failure)
        while removal.remove_next(by=by, at=timezone.now()):
            pass


@shared_task(name="governance.tasks.call_webhooks", soft_time_limit=300)
def call_webhooks() -> None:
    """Send what is due to webhooks, one message after the other."""
    with through("task"):
        by = access.system_user()
        webhooks.queue(by=by, at=timezone.now())
        while webhooks.send_next(by=by, at=timezone.now()):
            pass


@shared_task(name="governance.tasks.call_forges", soft_time_limit=300)
def call_forges() -> None:
    """Decide what GitHub, GitLab and Azure DevOps asked, and answer, one by one."""
    with through("task"):
        by = access.system_user()
        # One after the other: an answer rests on a decision of this minute.
        while any(
            step(by=by, at=timezone.now())
            for step in (forges.answer_next, forges.decide_next)
        ):
            pass


@shared_task(name="governance.tasks.mail_digests", soft_time_limit=300)
def mail_digests() -> None:
    """Send the digests that are due, one person after the other."""
    with through("task"):
        by = access.system_user()
        try:
            while mailing.send_next(by=by, at=timezone.now()):
                pass
        except mailing.NotSent as error:
            logger.warning("%s", error)


@shared_task(name="governance.tasks.join_lineage", soft_time_limit=300)
def join_lineage() -> None:
    """Join what OpenLineage events name to what is registered by now."""
    with through("task"):
        by = access.system_user()
        while joining.join_next(by=by, at=timezone.now()):
            pass


@shared_task(name="governance.tasks.pull_deployments", soft_time_limit=300)
def pull_deployments() -> None:
    """Look at the sources that are due, and tell of what runs and may not."""
    with through("task"):
        by = access.system_user()
        for source in reconciliation.due(at=timezone.now()):
            try:
                reconciliation.reconcile(source=source, by=by, at=timezone.now())
            except reconciliation.WrongState as error:
                logger.info("%s: %s", source, error)
        reconciliation.tell_unauthorised(by=by, at=timezone.now())
