"""A state machine against a model: open transactions, integrator, signer, proofs."""

import json
from dataclasses import dataclass, field
from itertools import count

import hypothesis.strategies as st
import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audits import integration, key_events, log, merkle
from audits.models import Leaf
from audits.note import open_checkpoint
from tests.audits import racing
from tests.audits.ledger import NOW, checked

SLOTS = range(3)
ROWS = range(4)
Told = tuple[str, int | None]  # operation, counter afterwards
MOST_ROTATIONS = 10
_keys = count(1)
_rotations = count(1)


@dataclass
class Open:
    """A transaction of the model: what it did to each row, since which savepoints."""

    own: psycopg.Connection
    writes: bool = False
    done: list[tuple[int, Told]] = field(default_factory=list)
    savepoints: list[int] = field(default_factory=list)


class LogMachine(RuleBasedStateMachine):
    """Real connections to one database beside a model of what they may have done."""

    dsn: str

    def __init__(self) -> None:
        """Begin with rows of our own, all of them absent, in a log that goes on."""
        super().__init__()
        self.keys = [next(_keys) for _ in ROWS]
        self.open = {
            slot: Open(psycopg.connect(self.dsn, application_name="machine"))
            for slot in SLOTS
        }
        self.committed: dict[int, list[Told]] = {row: [] for row in ROWS}
        self.began = Leaf.objects.count()
        self.hashes: list[bytes] = []
        self.signed: list[tuple[int, bytes, str]] = []

    def teardown(self) -> None:
        """Let go of everything that is still open."""
        for item in self.open.values():
            item.own.close()

    def _holder(self, row: int) -> int | None:
        """Say which transaction has changed the row and still holds it.

        Taking a change back to a savepoint gives the row free.
        """
        for slot, item in self.open.items():
            if any(changed == row for changed, _ in item.done):
                return slot
        return None

    def _counter(self, row: int, slot: int) -> int | None:
        told = self.committed[row] + [t for r, t in self.open[slot].done if r == row]
        return told[-1][1] if told else None

    @rule(slot=st.sampled_from(SLOTS), row=st.sampled_from(ROWS), delete=st.booleans())
    def write(self, slot: int, row: int, delete: bool) -> None:
        """Insert, update or delete a row that no other transaction holds."""
        if self._holder(row) not in (None, slot):
            return
        item, key, n = self.open[slot], self.keys[row], self._counter(row, slot)
        if n is None:
            n = len(self.committed[row]) * 1000
            item.own.execute("INSERT INTO race VALUES (%s, %s)", [key, n])
            told: Told = ("I", n)
        elif delete:
            item.own.execute("DELETE FROM race WHERE id = %s", [key])
            told = ("D", None)
        else:
            query = "UPDATE race SET n = n + 1 WHERE id = %s RETURNING n"
            assert item.own.execute(query, [key]).fetchone() == (n + 1,)
            told = ("U", n + 1)
        item.writes = True
        item.done.append((row, told))

    @rule(slot=st.sampled_from(SLOTS), row=st.sampled_from(ROWS))
    def write_at_once(self, slot: int, row: int) -> None:
        """Commit a change beside whatever else is open."""
        self.write(slot, row, delete=False)
        self.end(slot, keep=True)

    @rule(slot=st.sampled_from(SLOTS))
    def take_id_early(self, slot: int) -> None:
        """Take the transaction's id long before the first governed row."""
        self.open[slot].own.execute("SELECT pg_current_xact_id()")
        self.open[slot].writes = True

    @rule(slot=st.sampled_from(SLOTS))
    def savepoint(self, slot: int) -> None:
        """Mark a point to go back to."""
        item = self.open[slot]
        item.own.execute(f"SAVEPOINT s{len(item.savepoints)}")
        item.savepoints.append(len(item.done))

    @rule(slot=st.sampled_from(SLOTS))
    def back_to_savepoint(self, slot: int) -> None:
        """Take back what was done since the last mark."""
        item = self.open[slot]
        if item.savepoints:
            item.own.execute(f"ROLLBACK TO SAVEPOINT s{len(item.savepoints) - 1}")
            item.own.execute(f"RELEASE SAVEPOINT s{len(item.savepoints) - 1}")
            del item.done[item.savepoints.pop() :]

    @rule(slot=st.sampled_from(SLOTS), keep=st.sampled_from([True, True, False]))
    def end(self, slot: int, keep: bool) -> None:
        """Commit or roll back."""
        item = self.open[slot]
        if keep:
            item.own.commit()
            for row, told in item.done:
                self.committed[row].append(told)
        else:
            item.own.rollback()
        self.open[slot] = Open(item.own)

    @rule()
    def integrate(self) -> None:
        """Give places. Only an open transaction may hold that up, and only for now."""
        busy = any(item.writes for item in self.open.values())
        try:
            log.integrate(wait_seconds=0.0 if busy else 20)
        except integration.Lagging:
            assert busy
        else:
            self._compare(whole=True)
        self._compare(whole=False)

    @rule()
    def sign(self) -> None:
        """Sign what has its place; the signed size only grows, and stays a prefix."""
        note = log.checkpoint(at=NOW)
        root = bytes(note.root_hash)
        if self.signed:
            size, old, _ = self.signed[-1]
            assert note.tree_size >= size
            proof = log.consistency(old=size, new=note.tree_size)
            merkle.verify_consistency(
                old_size=size,
                new_size=note.tree_size,
                old_root=old,
                new_root=root,
                proof=proof.hashes,
            )
        self.signed.append((note.tree_size, root, note.note))

    @rule()
    def rotate_key(self) -> None:
        """Let a new key sign beside the former, or end the former one's overlap.

        Not without end: every key that ever signed is tried on every checkpoint.
        """
        if next(_rotations) > MOST_ROTATIONS:
            return
        if log.signer().keys.retiring is None:
            key_events.rotate_key(because="a rule of the test", by="tests", at=NOW)
        else:
            assert key_events.retire_due(at=NOW + 2 * key_events.OVERLAP)

    @precondition(lambda self: self.signed)
    @rule(tree=st.integers(0, 99), leaf=st.integers(0, 9999))
    def prove(self, tree: int, leaf: int) -> None:
        """Any leaf is provable in any tree that was signed, by whichever key then."""
        size, root, note = self.signed[tree % len(self.signed)]
        said = open_checkpoint(note, *log.signer().verifiers())
        assert (said.size, said.root) == (size, root)
        index = leaf % size
        proof = log.inclusion(index=index, size=size)
        assert proof.root == root
        merkle.verify_inclusion(
            leaf=merkle.leaf_hash(log.entry(index=index).entry.body.encode()),
            index=index,
            size=size,
            proof=proof.hashes,
            root=root,
        )

    @invariant()
    def places_are_given_once(self) -> None:
        """No leaf ever changes; new ones follow without a gap."""
        rows = Leaf.objects.filter(leaf_index__gte=self.began).order_by("leaf_index")
        leaves = [(leaf.leaf_index, bytes(leaf.leaf_hash)) for leaf in rows]
        assert [i for i, _ in leaves] == [*range(self.began, self.began + len(leaves))]
        now = [value for _, value in leaves]
        assert now[: len(self.hashes)] == self.hashes
        self.hashes = now

    def _compare(self, *, whole: bool) -> None:
        """Each row's leaves begin the row's committed story; `whole`: and end it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT e.body FROM audits_leaf l JOIN audits_entry e USING (entry_id) "
                "WHERE e.rel = 'public.race' AND l.leaf_index >= %s "
                "ORDER BY l.leaf_index",
                [self.began],
            )
            bodies = [json.loads(body) for (body,) in cursor.fetchall()]
        for row in ROWS:
            told: list[Told] = [
                (body["op"], body["new"] and body["new"]["n"])
                for body in bodies
                if body["pk"] == str(self.keys[row])
            ]
            assert told == self.committed[row][: len(told)]
            assert not whole or len(told) == len(self.committed[row])


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("examples", "steps"),
    [
        pytest.param(25, 40, id="bounded"),
        pytest.param(300, 100, marks=pytest.mark.soak, id="soak"),
    ],
)
def test_the_log_is_what_the_model_says(written_log, examples, steps):
    racing.make_table(rows=0)
    LogMachine.dsn = written_log.dsn
    run_state_machine_as_test(
        LogMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    log.advance(at=NOW)
    racing.require_whole()
    assert Leaf.objects.count() > 2 * examples
    assert checked().ok
