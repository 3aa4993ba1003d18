"""What is remembered outside the database, against the database."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audits import epochs, log
from audits.export import destination, export
from audits.export.manifest import Manifest
from audits.findings import Findings
from audits.keys import KeyUnusable
from audits.models import Checkpoint, KeyEvent
from audits.note import Checkpoint as SignedTree
from audits.note import NoteMalformed, NoteUnverified, Verifier, open_checkpoint
from audits.outside import timestamps, witnesses
from audits.outside.coverage import not_protected
from audits.signer import Signer, SignerRefused

BECAUSE = "the key folder remembers what it signed"


def open_signer() -> Signer | None:
    """Return the present signer, or None where nothing has been signed yet.

    Raises keys.KeyUnusable where something was.
    """
    try:
        return log.signer(create=False)
    except KeyUnusable:
        if Checkpoint.objects.exists():
            raise
        return None


def remembered(found: Findings, signer: Signer | None) -> list[SignedTree]:
    """Return the trees that the key folder remembers, of every epoch that still counts.

    A former epoch that the present one does not extend is told of by a notice instead.
    To be called before the snapshot of a verification is taken.
    """
    if signer is None:
        return []
    # Before the memory is read: it is written first, so it cannot be older than this.
    stored = Checkpoint.objects.filter(note__startswith=f"{signer.origin}\n").first()
    trees = [
        tree
        for origin in _names_that_count()
        if (tree := _memory_of(found, origin)) is not None
    ]
    own = next((tree for tree in trees if tree.origin == signer.origin), None)
    _check_memory(found, signer, own, stored)
    _check_key(found, signer)
    if trees and not Checkpoint.objects.exists():
        found.add(
            "checkpoint",
            f"{trees[-1].size} leaves were signed, but no checkpoint is stored",
            "a stored checkpoint is never deleted",
        )
    return trees


def _names_that_count() -> list[str]:
    """Return the origins whose trees the present log must contain."""
    stretches = epochs.history()
    lost = [place for place, item in enumerate(stretches) if not item.extends_former]
    return [item.origin for item in stretches[max(lost, default=0) :]]


def _memory_of(found: Findings, origin: str) -> SignedTree | None:
    folder = settings.FREIGABE_KEYS_DIR
    try:
        return Signer(folder, origin, create=False).remembered()
    except SignerRefused as error:
        found.add("signer", str(error), BECAUSE)
        return None


def _check_memory(
    found: Findings,
    signer: Signer,
    memory: SignedTree | None,
    stored: Checkpoint | None,
) -> None:
    if signer.is_frozen:
        found.add(
            "signer",
            f"the key folder knows that {signer.origin} was frozen, the database does "
            "not: it is older than that",
            "a frozen log is never signed again",
        )
    if stored is None or (memory and memory.size >= stored.tree_size):
        return
    what = f"{memory.size} leaves" if memory else "nothing"
    found.add(
        "signer",
        f"the key folder remembers {what} of {signer.origin}, the database holds a "
        f"checkpoint of {stored.tree_size}",
        BECAUSE,
    )


def _check_key(found: Findings, signer: Signer) -> None:
    """The key that signs now was introduced in the log, or signed from the start."""
    introduced = KeyEvent.objects.filter(
        vkey=signer.vkey, event=KeyEvent.Event.INTRODUCED
    )
    name = f"{signer.origin}\n"
    first = (
        Checkpoint.objects.filter(note__startswith=name).order_by("tree_size").first()
    )
    if introduced.exists() or first is None:
        return
    key = Verifier(signer.origin, signer.keys.current.public_key())
    try:
        open_checkpoint(first.note, key)
    except (NoteMalformed, NoteUnverified):
        found.add(
            "signer",
            f"the key {signer.vkey} signs, but no entry tells that it was introduced",
            "a new key is introduced in the log (manage.py rotate_log_key)",
        )


def read_export(found: Findings) -> Manifest | None:
    """Return the export's last manifest, read before the database's snapshot."""
    where = settings.FREIGABE_EXPORT
    if not where:
        return None
    try:
        return export.remembered(where)
    except destination.DestinationBroken as error:
        found.add("export", str(error), "what was exported stays where it was put")
        return None
    except destination.ExportError as error:
        found.not_covered.append(f"The export could not be read: {error}")
        return None


def check_outside(found: Findings, exported: Manifest | None) -> None:
    """Verify stored cosignatures and time stamps, and compare with the export."""
    for check in (witnesses.check, timestamps.check):
        try:
            check(found)
        except ImproperlyConfigured as error:
            found.not_covered.append(str(error))
    contradiction = export.contradiction(exported) if exported else ""
    if contradiction:
        found.add("export", contradiction, "what was exported is remembered outside")
    try:
        found.not_covered.extend(not_protected())
    except ImproperlyConfigured as error:
        found.not_covered.append(str(error))
