"""The entries and checkpoints of this database, as a step of the export reads them."""

from audits import log, tiles
from audits.export.destination import Contradiction
from audits.export.layout import TILE_LEVELS, TILE_WIDTH
from audits.export.manifest import Cosigned, Stamped
from audits.export.step import Evidence
from audits.export.tree import read_tile
from audits.merkle import leaf_hash
from audits.models import Checkpoint, Cosignature, Entry, Leaf, TimeStamp
from audits.note import NoteMalformed, NoteUnverified, open_checkpoint

MOST_TIMESTAMPS = 1_000  # in one manifest


class Entries:
    """The entries of this database, as a step of the export reads them."""

    def bodies(self, first: int, end: int) -> list[bytes]:
        """Return the entries of the leaves [first, end), each hashed again."""
        leaves = list(
            Leaf.objects.filter(leaf_index__gte=first, leaf_index__lt=end)
            .order_by("leaf_index")
            .values_list("leaf_index", "entry_id", "leaf_hash")
        )
        if [index for index, _, _ in leaves] != list(range(first, end)):
            raise Contradiction(f"Leaves between {first} and {end - 1} are missing.")
        entries = Entry.objects.filter(entry_id__in=[entry for _, entry, _ in leaves])
        found = dict(entries.values_list("entry_id", "body"))
        bodies = []
        for index, entry, value in leaves:
            if entry not in found:
                raise Contradiction(
                    f"Entry {entry} of leaf {index} is not in the database any more. "
                    "If it was archived, go on with the destination that holds it."
                )
            body = found[entry].encode()
            if leaf_hash(body) != bytes(value):
                raise Contradiction(f"Leaf {index} is not the hash of entry {entry}.")
            bodies.append(body)
        return bodies

    def open_tiles(self, size: int) -> list[list[bytes]]:
        """Return the hashes in the open tile of each level, from what is stored."""
        open_tiles: list[list[bytes]] = [[]]
        level = 1
        while nodes := size >> TILE_LEVELS * level:
            index, width = divmod(nodes, TILE_WIDTH)
            hashes = b""
            if width:
                hashes = tiles.hash_tile(level=level, index=index, size=size)
            open_tiles.append(read_tile(hashes))
            level += 1
        return open_tiles


def evidence(row: Checkpoint, floor: int) -> Evidence:
    """Return a checkpoint, verified, with what others said of it since `floor`.

    Of each witness the newest cosignature: it covers all that came before.
    """
    origin = row.note.partition("\n")[0]
    verifiers = log.signer(create=False).verifiers(origin)
    try:
        signed = open_checkpoint(row.note, *verifiers)
    except (NoteMalformed, NoteUnverified) as error:
        raise Contradiction(
            f"The checkpoint of {row.tree_size} leaves in the database: {error}"
        ) from error
    span = {"tree_size__gte": floor, "tree_size__lte": row.tree_size}
    cosigned = Cosignature.objects.filter(**span).order_by("witness", "-tree_size")
    stamped = TimeStamp.objects.filter(**span).order_by("-id")[:MOST_TIMESTAMPS]
    notes = dict(
        Checkpoint.objects.filter(
            tree_size__in={stamp.tree_size for stamp in stamped}
        ).values_list("tree_size", "note")
    )
    return Evidence(
        note=row.note,
        signed=signed,
        cosignatures=tuple(
            Cosigned(item.tree_size, item.witness, item.line)
            for item in cosigned.distinct("witness")
        ),
        timestamps=tuple(
            Stamped(item.tree_size, item.authority, note, bytes(item.token))
            for item in reversed(stamped)
            if (note := notes.get(item.tree_size))
        ),
    )
