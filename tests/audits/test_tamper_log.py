"""Attacks on entries, leaves, tiles, checkpoints and the sequencer's row."""
# ruff: noqa: S608 - statements of an attacker, made of constants

from collections.abc import Callable

import psycopg
import pytest

from audits import integration, log, merkle
from audits.models import Checkpoint, Entry, Leaf, Sequencer
from audits.note import Checkpoint as SignedTree
from audits.note import format_checkpoint, sign_note
from audits.signer import Signer, SignerRefused
from audits.verification import verify
from registry.models import User
from tests.audits.ledger import NOW, add_user, behind_triggers, checked
from tests.audits.tampering import Attack, Named, attacks, carry_out, places

FORGE = (
    "audits_entry",
    'UPDATE audits_entry SET body = replace(body, \'"unit": "carla"\', '
    '\'"unit": "carlo"\') WHERE entry_id = {carla_entry}',
)
LIVE = ("registry_user", "UPDATE registry_user SET unit = 'carlo' WHERE unit = 'carla'")
LEAVES = (
    "audits_leaf",
    "UPDATE audits_leaf l SET leaf_hash = sha256('\\x00'::bytea || "
    "convert_to(e.body, 'UTF8')) FROM audits_entry e WHERE e.entry_id = l.entry_id",
)
SIGNED = Named("checkpoint", "was signed as")
MEMORY = Named("signer")


def rebuild(by: psycopg.Connection) -> None:
    """Fold the leaves as they stand into tiles and state, as the integrator does."""
    behind_triggers(by, "audits_tile", "DELETE FROM audits_tile")
    tree, tiles = merkle.CompactRange(), {}
    leaves: list[bytes] = []

    def visit(level: int, index: int, node: bytes) -> None:
        if level == 8:
            tiles[index] = (b"".join(leaves[index * 256 : index * 256 + 256]), node)

    rows = by.execute("SELECT entry_id, leaf_hash FROM audits_leaf ORDER BY leaf_index")
    found = rows.fetchall()
    for _, value in found:
        leaves.append(bytes(value))
        tree.append(leaves[-1], visit)
    for index, (hashes, root) in tiles.items():
        by.execute(
            "INSERT INTO audits_tile VALUES (0, %s, %s, %s)", [index, hashes, root]
        )
    by.execute(
        "UPDATE audits_sequencer SET tree_size = %s, frontier = %s, done_entry_id = %s",
        [tree.size, b"".join(tree.frontier), found[-1][0] if found else 0],
    )


def sign_again(by: psycopg.Connection, signer: Signer) -> str:
    """Replace all checkpoints by one of this signer for the tree as it stands."""
    size = Leaf.objects.count()
    root = log.root_at(size=size)
    note = sign_note(
        format_checkpoint(SignedTree(signer.origin, size, root)),
        signer.origin,
        signer.keys.current,
    )
    behind_triggers(by, "audits_checkpoint", "DELETE FROM audits_checkpoint")
    by.execute(
        "INSERT INTO audits_checkpoint (tree_size, root_hash, note, created_at) "
        "VALUES (%s, %s, %s, now())",
        [size, root, note],
    )
    return note


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


def test_a_foreign_key_signs_nothing_that_is_believed(superuser, tmp_path):
    """Everything edited consistently, and signed again by a key of one's own."""
    assert checked().ok
    for table, statement in (FORGE, LIVE, LEAVES):
        behind_triggers(superuser, table, statement.format(**places()))
    rebuild(superuser)
    sign_again(superuser, Signer(tmp_path / "forger", log.signer().origin))
    kinds = {item.kind for item in checked().findings}
    assert {"checkpoint", "signer"} <= kinds
    with pytest.raises(SignerRefused):
        log.checkpoint(at=NOW)


def test_a_stolen_key_and_memory_leave_only_what_others_remember(superuser, settings):
    """Nothing inside is wrong: a checkpoint that somebody kept is the only witness."""
    signer = log.signer()
    kept = Checkpoint.objects.get().note
    for table, statement in (FORGE, LIVE, LEAVES):
        behind_triggers(superuser, table, statement.format(**places()))
    rebuild(superuser)
    note = sign_again(superuser, signer)
    (memory,) = settings.FREIGABE_KEYS_DIR.glob("log-*.checkpoint")
    memory.write_text(note)
    assert checked().ok
    add_user("dora")
    log.advance(at=NOW)
    assert checked().ok
    verdict = verify(trusted=kept)
    named = [item for item in verdict.findings if "signed as" in item.what]
    assert len(named) == 1, verdict.findings


def test_ids_set_forward_leave_a_gap_and_no_harm(superuser):
    superuser.execute("SELECT setval('audits_entry_id_seq', 100000)")
    add_user("dora")
    log.advance(at=NOW)
    assert Leaf.objects.last().entry_id == 100_001
    assert checked().ok


def test_ids_set_far_forward_still_find_a_partition(superuser):
    superuser.execute("SELECT setval('audits_entry_id_seq', 99000000000)")
    add_user("dora")
    log.advance(at=NOW)
    assert Leaf.objects.last().entry_id == 99_000_000_001
    assert checked().ok


def test_a_second_sequencer_meets_the_first(superuser):
    """Leaves by another hand: no index twice, and the true integrator stops."""
    add_user("dora")
    superuser.execute(
        "INSERT INTO audits_leaf SELECT tree_size, done_entry_id + 1, sha256('x') "
        "FROM audits_sequencer"
    )
    with pytest.raises(integration.Contradicted, match="somebody else wrote"):
        log.integrate()
    size = Sequencer.objects.get().tree_size
    assert Leaf.objects.count() == size + 1
    assert {"leaf", "sequencer"} <= {item.kind for item in checked().findings}


def test_a_clock_turned_back_changes_no_order(superuser):
    """Order is that of capture; a time is only what the server's clock said."""
    anna = str(User.objects.get(username="anna").pk)
    superuser.execute(
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
        "AS $$ SELECT now() - interval '1 hour' $$"
    )
    superuser.execute("SET search_path = public, pg_catalog")
    superuser.execute("UPDATE registry_user SET unit = 'x' WHERE id = %s", [anna])
    last, former = Entry.objects.order_by("-entry_id")[:2]
    assert last.pk_text == anna
    assert last.occurred_at > former.occurred_at, "a function of the attacker was asked"
    log.advance(at=NOW)
    assert checked().ok
