"""What others said of the checkpoints in an export: witnesses and time stamps."""

from collections.abc import Mapping

from audits.export.manifest import Manifest
from audits.offline.extract import open_signed
from audits.offline.report import DoesNotHold, Report
from audits.trusted import TrustedKeys


def check_outside(
    manifest: Manifest, roots: Mapping[int, bytes], keys: TrustedKeys, report: Report
) -> None:
    """List cosignatures and time stamps, and check that they are of this tree."""
    for stamp in manifest.timestamps:
        try:
            signed = open_signed(stamp.note, keys)
        except DoesNotHold as error:
            what = f"time stamp of {stamp.authority}: {error}"
            report.found.add("outside", what, "a time stamp is of a signed checkpoint")
            continue
        if signed.size in roots and roots[signed.size] != signed.root:
            what = f"time stamp of {stamp.authority}: {signed.size} leaves, other root"
            report.found.add("outside", what, "a time stamp is of this tree")
