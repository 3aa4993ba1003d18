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
from governance import permit
from governance.dossier.attachments import NoKeys
from governance.dossier.bundle import bundle_of
from governance.dossier.collect import Collected, NotRecorded, collect
from governance.dossier.evidence import UnreadableReport
from governance.dossier.render import render
from governance.dossier.sealing import key_in_use, seal
from governance.dossier.setting import NotSet, TooLarge
from governance.models import Dossier
from governance.permit import NoKey
from governance.seal_key import SealUnusable
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
    SealUnusable,
    NoKeys,
    NotRecorded,
    NoKey,
    UnreadableReport,
    NotSet,
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
        except TooLarge as error:
            dossier.too_large = True
            _fail(dossier, str(error))
        except _EXPECTED as error:
            _try_again(dossier, str(error))
    return True


def _build(dossier: Dossier) -> None:
    log.advance(at=timezone.now())
    # Before the snapshot: the keys in the dossier name those that seal and sign it.
    key = key_in_use(at=timezone.now())
    with acting(by=WORKER):
        permit.sign([], at=timezone.now())
    collected = snapshot(dossier)
    _progress(dossier, 0.2)
    made = render(
        collected,
        part=dossier.part,
        on_progress=lambda share: _progress(dossier, share),
    )
    sealed = seal(made.pdf, key=key, at=timezone.now())
    digest = sha256_hex(sealed.pdf)
    dossier.pdf_name = f"{_folder(dossier)}/{digest}.pdf"
    dossier.pdf_sha256, dossier.unsealed_sha256 = digest, sha256_hex(made.pdf)
    dossier.seal_key_id = key.id
    dossier.seal_level, dossier.seal_note = sealed.level, sealed.note
    dossier.document = collected.document.body.decode()
    dossier.disclosure = collected.disclosure
    dossier.document_sha256 = collected.document.facts.sha256
    with acting(by=WORKER):
        packed = bundle_of(dossier, collected, sealed.pdf, at=timezone.now())
    dossier.bundle_sha256 = sha256_hex(packed)
    dossier.bundle_name = f"{_folder(dossier)}/{dossier.bundle_sha256}.zip"
    for name, content in (
        (dossier.pdf_name, sealed.pdf),
        (dossier.bundle_name, packed),
    ):
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(content))
    _finish(dossier)


def snapshot(dossier: Dossier) -> Collected:
    """Collect from one state of the database, which nobody changes meanwhile."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return collect(dossier)


def _finish(dossier: Dossier) -> None:
    """End the dossier, unless another worker took it over meanwhile.

    Every seal is another one, so every attempt that comes as far stores another file:
    of them the one of the row stays.
    """
    with acting(by=WORKER):
        mine = (
            Dossier.objects.select_for_update()
            .filter(pk=dossier.pk, state=State.RUNNING, attempts=dossier.attempts)
            .exists()
        )
        if mine:
            dossier.state, dossier.progress, dossier.failure = State.FINISHED, 1.0, ""
            dossier.ended_at = timezone.now()
            dossier.save()
    own = {dossier.pdf_name, dossier.bundle_name}
    if not mine:
        logger.warning("Another worker has taken over the dossier %s.", dossier.pk)
    _remove(_stored(dossier) - own if mine else own)


def _stored(dossier: Dossier) -> set[str]:
    """The files of all attempts."""
    folder = _folder(dossier)
    try:
        names = default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return set()
    return {f"{folder}/{name}" for name in names}


def _remove(names: set[str]) -> None:
    for name in names:
        default_storage.delete(name)


def _folder(dossier: Dossier) -> str:
    return f"dossiers/{dossier.pk}"


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
        dossier.save(update_fields=["state", "failure", "too_large", "ended_at"])
    # Of attempts that came as far as the store, and no further.
    _remove(_stored(dossier))


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
