"""The log: captured entries, their order in the tree, what was signed and checked."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Q
from django.db.models.lookups import Exact, LessThanOrEqual

if TYPE_CHECKING:
    TextValue = models.Field[str, str]
else:
    TextValue = models.Field

LARGEST_BODY = 65_535  # bytes: an entry bundle counts them in 16 bits (C2SP tlog-tiles)


class TransactionIdField(TextValue):
    """PostgreSQL's 64-bit transaction id, which never wraps around."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type."""
        return "xid8"


def _bytes_in(column: str) -> Func:
    return Func(F(column), function="octet_length", output_field=models.IntegerField())


class Entry(models.Model):
    """One captured change, written by the database itself.

    `body` is the text that is hashed; the other columns are copies for searching,
    which verification compares with it. Ids rise in capture order, with gaps.
    `actor` is empty where no act of the application stands behind the change.
    """

    append_only: ClassVar[bool] = True

    class Operation(models.TextChoices):
        INSERT = "I"
        UPDATE = "U"
        DELETE = "D"
        SCHEMA = "S"
        CATALOG = "C"
        KEY = "K"

    entry_id = models.BigIntegerField(primary_key=True)
    xid = TransactionIdField()
    op = models.CharField(max_length=1, choices=Operation)
    rel = models.TextField()
    pk_text = models.TextField(db_column="pk", null=True)  # noqa: DJ001
    actor = models.TextField(null=True)  # noqa: DJ001
    occurred_at = models.DateTimeField()
    body = models.TextField()

    class Meta:
        db_table = "audits_entry"
        ordering = ["entry_id"]
        indexes = [
            models.Index(fields=["rel", "pk_text", "entry_id"], name="entries_by_row"),
            models.Index(
                fields=["entry_id"],
                condition=Q(actor=None),
                name="entries_unattributed",
            ),
            # What the pages filter by, each in the order in which they show it.
            models.Index(fields=["occurred_at", "entry_id"], name="entries_by_time"),
            models.Index(
                fields=["rel", "occurred_at", "entry_id"], name="entries_by_table"
            ),
            models.Index(
                fields=["actor", "occurred_at", "entry_id"], name="entries_by_actor"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=LessThanOrEqual(_bytes_in("body"), LARGEST_BODY),
                name="entry_fits_a_bundle",
            ),
            models.CheckConstraint(
                condition=Q(op__in=["I", "U", "D", "S", "C", "K"]),
                name="entry_has_a_known_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"entry {self.entry_id}"


class Leaf(models.Model):
    """The place of an entry in the tree: contiguous from 0, given once."""

    append_only: ClassVar[bool] = True

    leaf_index = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    leaf_hash = models.BinaryField()

    class Meta:
        db_table = "audits_leaf"
        ordering = ["leaf_index"]
        constraints = [
            models.CheckConstraint(
                condition=Exact(_bytes_in("leaf_hash"), 32) & Q(leaf_index__gte=0),
                name="leaf_is_a_hash_at_a_place",
            )
        ]

    def __str__(self) -> str:
        return f"leaf {self.leaf_index}"


class Tile(models.Model):
    """256 hashes side by side, of level 8 * `level` of the tree, and their root.

    Only full tiles are stored; the ragged right edge is read from below.
    """

    append_only: ClassVar[bool] = True

    pk = models.CompositePrimaryKey("level", "tile_index")
    level = models.SmallIntegerField()
    tile_index = models.BigIntegerField()
    hashes = models.BinaryField()
    root_hash = models.BinaryField()

    class Meta:
        db_table = "audits_tile"

    def __str__(self) -> str:
        return f"tile {self.level}/{self.tile_index}"


class Sequencer(models.Model):
    """The one row that says how far entries have become leaves.

    `frontier` is the compact range of the tree: its edge hashes, largest subtree first.
    """

    one = models.SmallIntegerField(primary_key=True)
    done_entry_id = models.BigIntegerField()
    tree_size = models.BigIntegerField()
    frontier = models.BinaryField()

    class Meta:
        db_table = "audits_sequencer"
        constraints = [models.CheckConstraint(condition=Q(one=1), name="one_sequencer")]

    def __str__(self) -> str:
        return f"{self.tree_size} leaves"


class Checkpoint(models.Model):
    """A signed note of the tree's size and root hash (C2SP tlog-checkpoint)."""

    append_only: ClassVar[bool] = True

    tree_size = models.BigIntegerField(primary_key=True)
    root_hash = models.BinaryField()
    note = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "audits_checkpoint"
        ordering = ["-tree_size"]

    def __str__(self) -> str:
        return f"checkpoint of {self.tree_size} leaves"


class Verification(models.Model):
    """The result of one check of the whole log against itself and the live tables.

    `findings` break a promise; `noticed` breaks none and still wants a look.
    """

    append_only: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    ran_at = models.DateTimeField()
    level = models.CharField(max_length=8, default="replay")
    ok = models.BooleanField()
    size = models.BigIntegerField()
    findings = models.JSONField()
    noticed = models.JSONField(default=list)
    not_covered = models.JSONField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"verification of {self.size} leaves"
