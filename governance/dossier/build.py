"""Building dossiers: claim one, collect, render, store the file, finish once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from audits import log
from audits.integration import Lagging
from audits.keys import KeyUnusable
from audits.past import Archived
from audits.selfcheck import TreeDamaged
from audits.signer import SignerRefused
from governance.dossier.attachments import NoKeys
from governance.dossier.collect import Collected, NotRecorded, collect
from governance.dossier.evidence import UnreadableReport
from governance.dossier.exports import kept
from governance.dossier.render import FetchRefused, render
from governance.models import Dossier
from registry.acts import acting
from registry.digests import NotCanonical, sha256_hex

MAX_ATTEMPTS = 3
WORKER = "worker"
_LOCK_CLASS = 0x44_4F_53_53  # "DOSS": the first key of our advisory locks
# What can go wrong without a defect of ours; each text is a sentence for people.
_EXPECTED = (
    log.NotYetSigned,
    TreeDamaged,
    Lagging,
    Archived,
    SignerRefused,
    KeyUnusable,
    NoKeys,
    NotRecorded,
    UnreadableReport,
    FetchRefused,
    NotCanonical,
    OSError,
)
State = Dossier.State
logger = logging.getLogger(__name__)


def build_next() -> bool:
    """Take one dossier that waits, or whose worker died, and bring it to its end.

    False when there is none. A session-level advisory lock stands for the living
    worker: PostgreSQL drops it with the connection, so that a killed worker's dossier
    is free at once. After three attempts it has failed, with a sentence.
    """
    with _claimed() as dossier:
        if dossier is None:
            return False
        try:
            with override(dossier.language):
                _build(dossier)
        except _EXPECTED as error:
            _try_again(dossier, str(error))
    return True


def _build(dossier: Dossier) -> None:
    log.advance(at=timezone.now())
    collected = snapshot(dossier)
    _progress(dossier, 0.2)
    pdf = render(collected, on_progress=lambda share: _progress(dossier, share))
    digest = sha256_hex(pdf)
    name = f"dossiers/{digest[:2]}/{digest}.pdf"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(pdf))
    kept.keep(collected.files)
    _finish(dossier, collected, name, digest)


def snapshot(dossier: Dossier) -> Collected:
    """Collect from one state of the database, which nobody changes meanwhile."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return collect(dossier)


def _finish(dossier: Dossier, collected: Collected, name: str, digest: str) -> None:
    """End the dossier, unless another worker took it over meanwhile."""
    with acting(by=WORKER):
        mine = (
            Dossier.objects.select_for_update()
            .filter(pk=dossier.pk, state=State.RUNNING, attempts=dossier.attempts)
            .first()
        )
        if mine is None:
            logger.warning("Another worker has taken over the dossier %s.", dossier.pk)
            return
        mine.state, mine.progress, mine.failure = State.FINISHED, 1.0, ""
        mine.pdf_name, mine.pdf_sha256 = name, digest
        mine.document = collected.document.body.decode()
        mine.ended_at = timezone.now()
        mine.save()


def _progress(dossier: Dossier, share: float) -> None:
    with acting(by=WORKER):
        Dossier.objects.filter(
            pk=dossier.pk, state=State.RUNNING, attempts=dossier.attempts
        ).update(progress=round(share, 2))


def _try_again(dossier: Dossier, reason: str) -> None:
    logger.warning("Dossier %s, attempt %s: %s", dossier.pk, dossier.attempts, reason)
    if dossier.attempts >= MAX_ATTEMPTS:
        _fail(dossier, reason)
        return
    with acting(by=WORKER):
        dossier.state, dossier.progress, dossier.failure = State.PENDING, 0.0, reason
        dossier.save(update_fields=["state", "progress", "failure"])


def _fail(dossier: Dossier, reason: str) -> None:
    with acting(by=WORKER):
        dossier.state, dossier.failure = State.FAILED, reason
        dossier.ended_at = timezone.now()
        dossier.save(update_fields=["state", "failure", "ended_at"])


@contextmanager
def _claimed() -> Iterator[Dossier | None]:
    open_dossiers = Dossier.objects.filter(
        state__in=[State.PENDING, State.RUNNING]
    ).order_by("requested_at", "id")
    for pk in list(open_dossiers.values_list("pk", flat=True)[:50]):
        number = pk.int & 0x7FFFFFFF
        if not _lock("pg_try_advisory_lock", number):
            continue
        try:
            dossier = _start(pk)
            if dossier is not None:
                yield dossier
                return
        finally:
            _lock("pg_advisory_unlock", number)
    yield None


def _start(pk: UUID) -> Dossier | None:
    """Mark the locked dossier as being built, unless it ended or has failed."""
    with acting(by=WORKER):
        dossier = (
            Dossier.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("version__model", "requested_by")
            .filter(pk=pk, state__in=[State.PENDING, State.RUNNING])
            .first()
        )
        if dossier is None:
            return None
        if dossier.attempts < MAX_ATTEMPTS:
            dossier.attempts += 1
            dossier.state, dossier.progress = State.RUNNING, 0.0
            dossier.save(update_fields=["attempts", "state", "progress"])
            return dossier
    _fail(
        dossier,
        _("The worker stopped %(count)s times while it built this dossier.")
        % {"count": MAX_ATTEMPTS},
    )
    return None


def _lock(function: str, number: int) -> bool:
    """Try to take, or give back, the lock of a dossier."""
    query = f"SELECT {function}(%s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [_LOCK_CLASS, number])
        row = cursor.fetchone()
    return bool(row and row[0])
