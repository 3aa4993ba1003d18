"""What is remembered outside the database, against the database."""

from django.conf import settings

from audits import epochs, log
from audits.export import destination, export
from audits.export.manifest import Manifest
from audits.findings import Findings
from audits.keys import KeyUnusable
from audits.models import Checkpoint
from audits.note import Checkpoint as SignedTree
from audits.outside import timestamps, witnesses
from audits.outside.coverage import not_protected
from audits.signer import Signer, SignerRefused


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
    """
    if signer is None:
        return []
    trees = []
    stretches = epochs.history()
    lost = {
        stretches[place - 1].origin
        for place, stretch in enumerate(stretches)
        if place and not stretch.extends_former
    }
    for stretch in stretches:
        if stretch.origin in lost:
            continue
        try:
            tree = Signer(
                settings.FREIGABE_KEYS_DIR, stretch.origin, create=False
            ).remembered()
        except SignerRefused as error:
            found.add("signer", str(error), "the signer remembers what it signed")
            continue
        if tree is not None:
            trees.append(tree)
    _check_freeze(found, signer)
    if trees and not Checkpoint.objects.exists():
        found.add(
            "checkpoint",
            f"{trees[-1].size} leaves were signed, but no checkpoint is stored",
            "a stored checkpoint is never deleted",
        )
    return trees


def _check_freeze(found: Findings, signer: Signer) -> None:
    if signer.is_frozen:
        found.add(
            "signer",
            f"the key folder knows that {signer.origin} was frozen, the database does "
            "not: it is older than that",
            "a frozen log is never signed again",
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
    witnesses.check(found)
    timestamps.check(found)
    contradiction = export.contradiction(exported) if exported else ""
    if contradiction:
        found.add("export", contradiction, "what was exported is remembered outside")
    found.not_covered.extend(not_protected())
