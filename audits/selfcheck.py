"""Before the first work of a process: does the stored tree agree with itself?"""

from django.db import connection

from audits import merkle, tiles
from audits.integration import split_hashes
from audits.models import Checkpoint, Sequencer


class TreeDamaged(Exception):
    """The stored tree contradicts itself: nothing may be added to it or signed."""


def require_sound_tree() -> None:
    """Compare the sequencer's row with the tiles, the leaves and the last checkpoint.

    Reads a few tiles, not all leaves; verify_log does that. Trillian does the same on
    start and refuses to serve (log.md 1). Raises TreeDamaged.
    """
    state = Sequencer.objects.get()
    size = state.tree_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(leaf_index) + 1, 0) FROM audits_leaf")
        leaves = cursor.fetchone()[0]
    if leaves != size:
        raise TreeDamaged(f"The sequencer says {size} leaves, {leaves} are there.")
    if size == 0:
        return
    try:
        root = merkle.subtree_hash(begin=0, end=size, node=tiles.node_reader(size))
    except tiles.NotInLog as error:
        raise TreeDamaged(str(error)) from error
    frontier = merkle.CompactRange(size, split_hashes(state.frontier))
    if frontier.root() != root:
        raise TreeDamaged("The sequencer's edge hashes differ from the stored tree.")
    last = Checkpoint.objects.filter(tree_size__lte=size).order_by("-tree_size").first()
    if last is None:
        return
    node = tiles.node_reader(last.tree_size)
    signed = merkle.subtree_hash(begin=0, end=last.tree_size, node=node)
    if signed != bytes(last.root_hash):
        raise TreeDamaged(
            f"The checkpoint of {last.tree_size} leaves has another root than the tree."
        )
