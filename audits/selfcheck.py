"""Before the first work of a process: does the stored tree agree with itself?"""

from django.db import connection, transaction

from audits import merkle, tiles
from audits.integration import split_hashes
from audits.models import Checkpoint, Sequencer

_checked: set[tuple[str, str, str]] = set()


class TreeDamaged(Exception):
    """The stored tree contradicts itself: nothing may be added to it or signed."""


def integration_check() -> None:
    """Require a sound tree once per process and database. Raises TreeDamaged."""
    server = connection.settings_dict
    database = str(server["HOST"]), str(server["PORT"]), str(server["NAME"])
    if database not in _checked:
        require_sound_tree()
        _checked.add(database)


def require_sound_tree() -> None:
    """Compare the sequencer's row with the tiles, the leaves and the last checkpoint.

    Reads a few tiles, not all leaves; verify_log does that. Trillian does the same on
    start and refuses to serve (log.md 1). One snapshot, so that an integrator at work
    elsewhere does no harm. Raises TreeDamaged.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT coalesce(max(leaf_index) + 1, 0) FROM audits_leaf")
            leaves = cursor.fetchone()[0]
        state = Sequencer.objects.get()
        if leaves != state.tree_size:
            raise TreeDamaged(
                f"The sequencer says {state.tree_size} leaves, {leaves} are there."
            )
        if leaves:
            _require_root(state)
        _require_last_checkpoint(leaves)


def _require_root(state: Sequencer) -> None:
    try:
        edge = merkle.CompactRange(state.tree_size, split_hashes(state.frontier))
    except ValueError as error:
        raise TreeDamaged(f"The sequencer's row is damaged: {error}") from error
    if edge.root() != _root(state.tree_size):
        raise TreeDamaged("The sequencer's edge hashes differ from the stored tree.")


def _require_last_checkpoint(leaves: int) -> None:
    last = Checkpoint.objects.filter(tree_size__lte=leaves).first()
    if last is not None and _root(last.tree_size) != bytes(last.root_hash):
        raise TreeDamaged(
            f"The checkpoint of {last.tree_size} leaves has another root than the tree."
        )


def _root(size: int) -> bytes:
    try:
        node = tiles.node_reader(size)
        return merkle.subtree_hash(begin=0, end=size, node=node)
    except tiles.NotInLog as error:
        raise TreeDamaged(str(error)) from error
