"""Attacks on entries, leaves, tiles, checkpoints and the sequencer's row."""
# ruff: noqa: S608 - statements of an attacker, made of constants

from collections.abc import Callable

import psycopg

from audits import log
from tests.audits.forging import FORGE, LEAVES, LIVE, rebuild
from tests.audits.ledger import NOW, add_user, behind_triggers
from tests.audits.tampering import Attack, Named, attacks, carry_out

SIGNED = Named("checkpoint", "was signed as")
MEMORY = Named("signer")


def _renumber(by: psycopg.Connection) -> None:
    """Close the gap that a deleted leaf left."""
    behind_triggers(
        by,
        "audits_leaf",
        "WITH gone AS (DELETE FROM audits_leaf RETURNING *) INSERT INTO audits_leaf "
        "SELECT row_number() OVER (ORDER BY entry_id) - 1, entry_id, leaf_hash "
        "FROM gone",
    )
    rebuild(by)


def _cut(by: psycopg.Connection) -> None:
    """Take the newest entry away from everywhere inside the database."""
    behind_triggers(
        by,
        "registry_user",
        "DELETE FROM registry_user WHERE unit = 'carla'",
    )
    for table in ("audits_leaf", "audits_entry"):
        behind_triggers(
            by,
            table,
            f"DELETE FROM {table} WHERE entry_id = (SELECT max(entry_id) FROM {table})",
        )
    rebuild(by)


def _slip_in(by: psycopg.Connection) -> None:
    """Put an entry of one's own making behind the last, as the function would."""
    by.execute(
        "INSERT INTO audits_entry SELECT nextval('audits_entry_id_seq'), xid, op, rel, "
        "pk, actor, occurred_at, body FROM audits_entry WHERE entry_id = "
        "(SELECT max(entry_id) FROM audits_entry)"
    )
    log.integrate()


def _swap_partition(by: psycopg.Connection) -> None:
    """Attach an altered copy in place of the partition that holds the entries."""
    part = by.execute(
        "SELECT DISTINCT tableoid::regclass::text FROM audits_entry"
    ).fetchone()[0]
    bound = by.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass",
        [part],
    ).fetchone()[0]
    by.execute(f"CREATE TABLE copied (LIKE {part} INCLUDING ALL)")
    by.execute(
        f"INSERT INTO copied SELECT entry_id, xid, op, rel, pk, actor, occurred_at, "
        f'replace(body, \'"unit": "anna"\', \'"unit": "anne"\') FROM {part}'
    )
    by.execute(f"ALTER TABLE audits_entry DETACH PARTITION {part}")
    by.execute(f"DROP TABLE {part}")
    by.execute(f"ALTER TABLE copied RENAME TO {part}")
    by.execute(f"ALTER TABLE audits_entry ATTACH PARTITION {part} {bound}")


def _detach_partition(by: psycopg.Connection) -> None:
    part = by.execute(
        "SELECT DISTINCT tableoid::regclass::text FROM audits_entry"
    ).fetchone()[0]
    by.execute(f"ALTER TABLE audits_entry DETACH PARTITION {part}")


def _truncate(table: str) -> Callable[[psycopg.Connection], None]:
    """Empty a table and its partitions with all protection off, then on again."""

    def empty(by: psycopg.Connection) -> None:
        parts = by.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) UNION SELECT %s",
            [table, table],
        ).fetchall()
        with by.transaction():
            for (part,) in parts:
                by.execute(f"ALTER TABLE {part} DISABLE TRIGGER aa_no_truncate")
            by.execute(f"TRUNCATE {table}")
            for (part,) in parts:
                by.execute(f"ALTER TABLE {part} ENABLE ALWAYS TRIGGER aa_no_truncate")

    return empty


_LOG = [
    Attack(
        "entry edited",
        (FORGE,),
        (Named("leaf", "its entry gives", entry="{carla_entry}"),),
    ),
    Attack(
        "entry edited, live row too",
        (FORGE, LIVE),
        (Named("leaf", "its entry gives", entry="{carla_entry}"),),
    ),
    Attack("entry and leaf edited", (FORGE, LIVE, LEAVES), (SIGNED, MEMORY)),
    Attack(
        "entry, leaf, tile and state edited",
        (FORGE, LIVE, LEAVES, rebuild),
        (SIGNED, MEMORY),
    ),
    Attack(
        "entry deleted",
        (("audits_entry", "DELETE FROM audits_entry WHERE entry_id = {ben_entry}"),),
        (
            Named("entry", "no entry any more", entry="{ben_entry}"),
            Named("replay", "no entry tells of it", "registry_user", "{ben}"),
        ),
    ),
    Attack(
        "entry and leaf deleted",
        (
            ("audits_entry", "DELETE FROM audits_entry WHERE entry_id = {ben_entry}"),
            ("audits_leaf", "DELETE FROM audits_leaf WHERE entry_id = {ben_entry}"),
            ("registry_user", "DELETE FROM registry_user WHERE id = '{ben}'"),
        ),
        (Named("leaf", "is missing"),),
    ),
    Attack(
        "entry and leaf deleted, the rest renumbered",
        (
            ("audits_entry", "DELETE FROM audits_entry WHERE entry_id = {ben_entry}"),
            ("audits_leaf", "DELETE FROM audits_leaf WHERE entry_id = {ben_entry}"),
            ("registry_user", "DELETE FROM registry_user WHERE id = '{ben}'"),
            _renumber,
        ),
        (Named("checkpoint", "leaves were signed"), MEMORY),
    ),
    Attack(
        "tail cut everywhere", (_cut,), (Named("checkpoint", "were signed"), MEMORY)
    ),
    Attack(
        "all entries deleted",
        (("audits_entry", "DELETE FROM audits_entry"),),
        (Named("entry", "no entry any more", entry="{anna_entry}"),),
    ),
    Attack(
        "entries emptied with TRUNCATE",
        (_truncate("audits_entry"),),
        (Named("entry|leaf", entry="{anna_entry}"),),
    ),
    Attack(
        "log emptied to begin anew",
        (
            _truncate("audits_entry"),
            _truncate("audits_leaf"),
            _truncate("audits_checkpoint"),
            rebuild,
        ),
        (MEMORY, Named("replay|capture", table="registry_user")),
    ),
    Attack(
        "leaves change places",
        (
            (
                "audits_leaf",
                "UPDATE audits_leaf SET entry_id = -entry_id "
                "WHERE entry_id IN ({anna_entry}, {ben_entry})",
            ),
            (
                "audits_leaf",
                "UPDATE audits_leaf l SET entry_id = CASE l.entry_id "
                "WHEN -{anna_entry} THEN {ben_entry} ELSE {anna_entry} END "
                "WHERE entry_id < 0",
            ),
            LEAVES,
            rebuild,
        ),
        (Named("order", entry="{anna_entry}"), SIGNED, MEMORY),
    ),
    Attack(
        "leaf altered",
        (
            (
                "audits_leaf",
                "UPDATE audits_leaf SET leaf_hash = sha256('x') "
                "WHERE entry_id = {anna_entry}",
            ),
        ),
        (Named("leaf", "its entry gives", entry="{anna_entry}"),),
    ),
    Attack(
        "leaf of an entry that nobody wrote",
        (
            "INSERT INTO audits_leaf SELECT tree_size, 4000000, sha256('x') "
            "FROM audits_sequencer",
        ),
        (Named("entry", "no entry", entry="4000000"), Named("sequencer")),
    ),
    Attack(
        "author exchanged in the column",
        (
            (
                "audits_entry",
                "UPDATE audits_entry SET actor = 'ben' WHERE entry_id = {anna_entry}",
            ),
        ),
        (Named("entry", "actor", entry="{anna_entry}"),),
    ),
    Attack(
        "time turned back in the column",
        (
            (
                "audits_entry",
                "UPDATE audits_entry SET occurred_at = occurred_at - interval '1 hour' "
                "WHERE entry_id = {anna_entry}",
            ),
        ),
        (Named("entry", entry="{anna_entry}"),),
    ),
    Attack(
        "entry filed under another row",
        (
            (
                "audits_entry",
                "UPDATE audits_entry SET pk = '{ben}' WHERE entry_id = {anna_entry}",
            ),
        ),
        (Named("entry", entry="{anna_entry}"),),
    ),
    Attack(
        "copy of an entry behind the last",
        (_slip_in,),
        (Named("entry", "its body"), Named("chain", "nobody deleted the row")),
    ),
    Attack(
        "commitments exchanged between rows",
        (
            (
                "audits_entry",
                "UPDATE audits_entry e SET body = regexp_replace(e.body, "
                "'commitment\": \"[0-9a-f]+', (SELECT substring(o.body FROM "
                "'commitment\": \"[0-9a-f]+') FROM audits_entry o "
                "WHERE o.entry_id = {ben_entry})) WHERE e.entry_id = {anna_entry}",
            ),
        ),
        (Named("leaf", "its entry gives", entry="{anna_entry}"),),
    ),
    Attack(
        "sequencer counts too much",
        ("UPDATE audits_sequencer SET tree_size = tree_size + 1",),
        (Named("sequencer"),),
    ),
    Attack(
        "sequencer skips entries to come",
        (
            "UPDATE audits_sequencer SET done_entry_id = done_entry_id + 1",
            lambda _: add_user("dora"),
        ),
        (Named("leaf", "the entry has no leaf", entry="{next_entry}"),),
    ),
    Attack(
        "sequencer begins again",
        ("UPDATE audits_sequencer SET done_entry_id = done_entry_id - 1",),
        (Named("sequencer", "leaves reach {last_entry}"),),
    ),
    Attack(
        "edge hashes altered",
        (
            "UPDATE audits_sequencer SET frontier = set_byte(frontier, 0, "
            "get_byte(frontier, 0) # 1)",
        ),
        (Named("sequencer", "edge hashes"),),
    ),
    Attack(
        "sequencer's row deleted",
        (("audits_sequencer", "DELETE FROM audits_sequencer"),),
        (Named("sequencer"),),
    ),
    Attack(
        "ids set back",
        (
            "SELECT nextval('audits_entry_id_seq')",  # a gap, as of a rollback
            lambda _: (add_user("dora"), log.advance(at=NOW)),
            "SELECT setval('audits_entry_id_seq', {last_entry})",
            lambda _: add_user("emil"),
        ),
        (Named("leaf", "the entry has no leaf", entry="{next_entry}"),),
    ),
    Attack(
        "partition detached",
        (_detach_partition,),
        (Named("entry", "no entry any more", entry="{anna_entry}"),),
    ),
    Attack(
        "partition exchanged for an altered copy",
        (_swap_partition,),
        (
            Named("leaf", "its entry gives", entry="{anna_entry}"),
            Named("capture", "aa_no_truncate", "audits_entry_p1"),
        ),
    ),
    Attack(
        "checkpoint deleted, none left",
        (("audits_checkpoint", "DELETE FROM audits_checkpoint"),),
        (Named("signer|checkpoint"),),
    ),
    Attack(
        "checkpoint for a larger tree",
        (
            "INSERT INTO audits_checkpoint SELECT tree_size + 5, root_hash, note, "
            "now() FROM audits_checkpoint",
        ),
        (
            Named("checkpoint", "carries a note for"),
            Named("checkpoint", "leaves were signed"),
        ),
    ),
    Attack(
        "checkpoint unsigned",
        (
            (
                "audits_checkpoint",
                "UPDATE audits_checkpoint SET note = split_part(note, E'\\n\\n', 1) || "
                "E'\\n\\n'",
            ),
        ),
        (Named("checkpoint"),),
    ),
    Attack(
        "checkpoint under another name",
        (
            (
                "audits_checkpoint",
                "UPDATE audits_checkpoint SET note = 'x' || note",
            ),
        ),
        (Named("checkpoint"),),
    ),
]


@attacks(*_LOG)
def test_a_change_of_the_log_is_named(superuser, attack):
    carry_out(attack, superuser)
