"""What is remembered outside this installation, and what is not protected."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Max, Model

from audits.models import Cosignature, Delivery, Export, Sequencer, TimeStamp
from audits.outside import witnesses


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
    people = (*settings.FREIGABE_CHECKPOINT_MAIL, settings.FREIGABE_CHECKPOINT_WEBHOOK)
    return [
        _of("witness", asked, Cosignature, "stamped_at"),
        _of("time stamp", stamps, TimeStamp, "stamped_at"),
        _of("export", exports, Export, "exported_at"),
        _of("delivery", tuple(filter(None, people)), Delivery, "delivered_at"),
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
    if not kinds["time stamp"].configured:
        said.append(
            "No time-stamp authority is configured: the times in the log are those of "
            "this server's clock."
        )
    return said


def _of(kind: str, names: tuple[str, ...], model: type[Model], when: str) -> Coverage:
    last = model._default_manager.aggregate(size=Max("tree_size"), at=Max(when))
    size = last["size"] or 0
    state = Sequencer.objects.first()
    newer = max((state.tree_size if state else 0) - size, 0)
    return Coverage(kind, bool(names), names, size, last["at"], newer)
