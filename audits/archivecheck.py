"""Whether what is recorded as archived may have been archived, as far as can be told.

Entries that an archive covers are not missed by the other checks, so an archive must
itself stand up: nobody removes entries by merely claiming that they were old.
"""

from datetime import UTC, datetime, timedelta

from audits.findings import Findings
from audits.keeping import add_months
from audits.models import (
    Archive,
    Checkpoint,
    Export,
    Leaf,
    LegalHold,
    RetentionRule,
)

# What got its leaf after a checkpoint was captured after it, but for clocks set back.
CLOCKS = timedelta(days=1)
_RETENTION = "records are kept as long as the longest retention rule says"


def check_archives(found: Findings) -> None:
    """Check every archive against leaves, exports, retention rules and legal holds."""
    next_leaf = 0
    for row in Archive.objects.order_by("first_leaf"):
        _check_stretch(found, row, next_leaf)
        _check_export(found, row)
        _check_age(found, row)
        _check_holds(found, row)
        next_leaf = row.last_leaf + 1


def _check_stretch(found: Findings, row: Archive, next_leaf: int) -> None:
    if row.first_leaf != next_leaf:
        what = f"begins at leaf {row.first_leaf}, not at leaf {next_leaf}"
        _add(found, row, what, "the oldest entries go first, without a gap")
    places = dict(
        Leaf.objects.filter(leaf_index__in=[row.first_leaf, row.last_leaf]).values_list(
            "leaf_index", "entry_id"
        )
    )
    claimed = {row.first_leaf: row.first_entry, row.last_leaf: row.last_entry}
    if places != claimed:
        what = f"claims leaves and entries {claimed}, the tree has {places}"
        _add(found, row, what, "an archive names the leaves of its entries")


def _check_export(found: Findings, row: Archive) -> None:
    step = Export.objects.filter(
        destination=row.destination, manifest_sha256=row.manifest_sha256
    ).first()
    if step is None or step.tree_size <= row.last_leaf:
        size = step.tree_size if step else 0
        what = (
            f"names the manifest {row.manifest_sha256} at {row.destination}, which "
            f"holds {size} leaves"
        )
        _add(found, row, what, "only what was exported may leave")


def _check_age(found: Findings, row: Archive) -> None:
    """The newest entry is younger than the last checkpoint inside the stretch."""
    months = _months(row.archived_at)
    last = Checkpoint.objects.filter(tree_size__lte=row.last_leaf).first()
    if months is None:
        _add(found, row, "was made when no retention rule was in force", _RETENTION)
    elif last is not None:
        recorded = (last.created_at - CLOCKS).astimezone(UTC).date()
        until = add_months(recorded, months)
        if row.archived_at.astimezone(UTC).date() < until:
            what = (
                f"was made on {row.archived_at.date()}, its entries had to be kept "
                f"until {until} at least"
            )
            _add(found, row, what, _RETENTION)


def _months(at: datetime) -> int | None:
    """Return the longest period that was in force then, None if there was none."""
    latest = (
        RetentionRule.objects.filter(set_at__lte=at)
        .order_by("basis", "-set_at", "-id")
        .distinct("basis")
    )
    return max((rule.months for rule in latest if rule.in_force), default=None)


def _check_holds(found: Findings, row: Archive) -> None:
    """A hold on everything; what a narrower one covers is not here to be asked."""
    held = LegalHold.objects.filter(rel="", placed_at__lte=row.archived_at).exclude(
        release__released_at__lte=row.archived_at
    )
    for hold in held:
        what = f"was made under the legal hold of {hold.placed_at.date()} on everything"
        _add(found, row, what, "nothing leaves under a legal hold")


def _add(found: Findings, row: Archive, what: str, because: str) -> None:
    found.add(
        "archive",
        f"the archive of {row.partition} {what}",
        because,
        table="public.audits_archive",
        key=str(row.pk),
    )
