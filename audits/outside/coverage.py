"""What is remembered outside this installation, and what is not protected."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Model

from audits.models import Cosignature, Delivery, Export, Sequencer, TimeStamp
from audits.outside import deliveries, witnesses


@dataclass(frozen=True)
class Coverage:
    """One kind of outside memory. `size` is the largest tree that it remembers."""

    kind: str
    configured: bool
    names: tuple[str, ...]
    size: int
    remembered_at: datetime | None
    newer: int


def coverage() -> list[Coverage]:
    """Return, for each kind, whether it is set up and how far it reaches."""
    asked = tuple(witness.name for witness in witnesses.configured())
    stamps = tuple(filter(None, [settings.FREIGABE_TSA_URL]))
    exports = tuple(filter(None, [settings.FREIGABE_EXPORT]))
    people = tuple(recipient for _, recipient, _ in deliveries.recipients())
    return [
        _by_quorum(asked),
        _of("time stamp", stamps, TimeStamp, "authority", "stamped_at"),
        _of("export", exports, Export, "", "exported_at"),
        _of("delivery", people, Delivery, "recipient", "delivered_at"),
    ]


def not_protected() -> list[str]:
    """Say in sentences what nobody outside would notice."""
    kinds = {item.kind: item for item in coverage()}
    remembering = [kinds[kind] for kind in ("witness", "export", "delivery")]
    said = []
    if not any(item.configured for item in remembering):
        said.append(
            "Nobody outside this installation remembers the log: no witness, export "
            "or delivery of checkpoints is configured. Whoever holds both the database "
            "and the key folder could rewrite it unnoticed."
        )
    for item in remembering:
        if item.configured and item.size == 0:
            said.append(f"The {item.kind} ({', '.join(item.names)}) has nothing yet.")
        elif item.configured and item.newer:
            said.append(
                f"The last {item.newer} leaves are newer than what the {item.kind} "
                f"({', '.join(item.names)}) remembers."
            )
    if settings.FREIGABE_CHECKPOINT_MAIL and not deliveries.mail_leaves():
        said.append(
            "Mail with checkpoints stays on this machine: set FREIGABE_EMAIL_BACKEND."
        )
    if not kinds["time stamp"].configured:
        said.append(
            "No time-stamp authority is configured: the times in the log are those of "
            "this server's clock."
        )
    return said


def _by_quorum(names: tuple[str, ...]) -> Coverage:
    """Return the size that FREIGABE_WITNESS_QUORUM of the witnesses remember."""
    rows = Cosignature.objects.filter(witness__in=names).order_by("witness")
    reached = sorted(
        rows.values_list("witness")
        .annotate(size=Max("tree_size"), at=Max("stamped_at"))
        .values_list("size", "at"),
        reverse=True,
    )
    quorum = min(max(settings.FREIGABE_WITNESS_QUORUM, 1), max(len(names), 1))
    size, at = reached[quorum - 1] if len(reached) >= quorum else (0, None)
    return Coverage("witness", bool(names), names, size, at, _newer(size))


def _of(
    kind: str, names: tuple[str, ...], model: type[Model], who: str, when: str
) -> Coverage:
    """Count rows of configured names only (column `who`; empty: of everybody)."""
    # An export is stored under another spelling of its place than the setting's.
    rows = model._default_manager.all()
    if who:
        rows = rows.filter(**{f"{who}__in": names})
    last = rows.aggregate(size=Max("tree_size"), at=Max(when))
    size = last["size"] or 0
    return Coverage(kind, bool(names), names, size, last["at"], _newer(size))


def _newer(size: int) -> int:
    state = Sequencer.objects.first()
    return max((state.tree_size if state else 0) - size, 0)
