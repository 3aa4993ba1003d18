"""What memories outside the database know of this log, compared with the database.

A restored backup is older than what was signed since; only a memory outside can tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from django.conf import settings

from audits import log
from audits.export.destination import latest
from audits.export.export import open_at
from audits.export.manifest import Manifest
from audits.models import Sequencer
from audits.note import Checkpoint
from audits.signer import Signer

KEY_FOLDER = "the signer's memory in the key folder"


class Standing(Enum):
    """How the database stands to what somebody outside remembers."""

    EQUAL = "equal"
    NEWER = "newer"
    OLDER = "older"
    OTHER = "other"  # as large or larger, and not a continuation


@dataclass(frozen=True)
class Recollection:
    """One memory of the log: who remembers, which tree, as which signed note."""

    who: str
    tree: Checkpoint
    note: str


@dataclass(frozen=True)
class Comparison:
    """A memory beside the database, whose tree has `size` leaves."""

    recollection: Recollection
    size: int
    standing: Standing

    @property
    def holds(self) -> bool:
        """Whether the database contains all that is remembered."""
        return self.standing in (Standing.EQUAL, Standing.NEWER)

    @property
    def text(self) -> str:
        """One sentence for people, which names the lost leaves."""
        who, remembered = self.recollection.who, self.recollection.tree.size
        if self.standing is Standing.EQUAL:
            return f"As {who} remembers it: {remembered} leaves, nothing is lost."
        if self.standing is Standing.NEWER:
            return (
                f"Newer than {who} remembers: all its {remembered} leaves are there, "
                f"and {self.size - remembered} more."
            )
        if self.standing is Standing.OLDER:
            count = remembered - self.size
            gone = f"leaf {self.size}" if count == 1 else f"leaves {self.size} to "
            gone += "" if count == 1 else f"{remembered - 1}, {count} in all"
            return (
                f"OLDER than {who} remembers: it knows {remembered} signed leaves, the "
                f"database has {self.size}. Lost: {gone}."
            )
        return (
            f"ANOTHER LOG than {who} remembers: the first {remembered} leaves give "
            "another root than the one that was signed."
        )


def recollections() -> Iterator[Recollection]:
    """Yield the largest tree that the key folder remembers, and the last exported one.

    The key folder is asked under every name that the log ever had there. Raises
    keys.KeyUnusable, signer.SignerRefused and export.destination.ExportError.
    """
    found = [(s.remembered(), s.remembered_note()) for s in _signers()]
    trees = [(tree, note) for tree, note in found if tree is not None and note]
    if trees:
        tree, note = max(trees, key=lambda pair: pair[0].size)
        yield Recollection(KEY_FOLDER, tree, note)
    if settings.FREIGABE_EXPORT:
        destination = open_at(settings.FREIGABE_EXPORT)
        manifest = latest(destination)
        if manifest is not None:
            yield _exported(destination.name, manifest)


def compare() -> list[Comparison]:
    """Compare every memory with the tree as it is stored; nothing is changed.

    Raises what recollections() raises.
    """
    size = Sequencer.objects.get().tree_size
    return [
        Comparison(item, size, _standing(item.tree, size)) for item in recollections()
    ]


def _standing(tree: Checkpoint, size: int) -> Standing:
    if tree.size > size:
        return Standing.OLDER
    if tree.size and log.root_at(size=tree.size) != tree.root:
        return Standing.OTHER
    return Standing.EQUAL if tree.size == size else Standing.NEWER


def _signers() -> list[Signer]:
    """Open the signer of each name of this log that has a memory in the key folder."""
    folder = settings.FREIGABE_KEYS_DIR
    base = settings.FREIGABE_LOG_ORIGIN
    names = {
        path.read_text().partition("\n")[0] for path in folder.glob("log-*.checkpoint")
    }
    ours = sorted(n for n in names if n == base or n.startswith(f"{base}/e"))
    return [Signer(folder, name, create=False) for name in ours]


def _exported(name: str, manifest: Manifest) -> Recollection:
    return Recollection(f"the export at {name}", manifest.signed, manifest.checkpoint)
