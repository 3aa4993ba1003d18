"""The log's word on whether anything changed: never "nothing" after a commit."""

import psycopg
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits import log, stillness
from tests.audits.ledger import NOW, add_user

USERS = "public.registry_user"
RENAME = "UPDATE registry_user SET unit = unit || 'x' WHERE username = 'anna'"


def moment() -> stillness.Moment:
    found = stillness.now()
    assert found is not None
    return found


def test_what_nobody_touched_is_unchanged_before_and_after_it_was_sequenced(
    written_log,
):
    add_user("dora")
    before = moment()
    later = stillness.unchanged(before)
    log.advance(at=NOW)
    assert later is not None
    assert stillness.unchanged(before) is not None
    assert stillness.unchanged(later) is not None


def test_a_commit_is_a_change_and_a_rollback_is_none(written_log):
    before = moment()
    with psycopg.connect(written_log.dsn) as other:
        other.execute(RENAME)
        assert stillness.unchanged(before) is not None
        other.rollback()
        assert stillness.unchanged(before) is not None
        other.execute(RENAME)
    assert stillness.unchanged(before) is None


def test_an_older_entry_that_is_committed_late_is_a_change(written_log):
    with (
        psycopg.connect(written_log.dsn) as slow,
        psycopg.connect(written_log.dsn, autocommit=True) as quick,
    ):
        slow.execute(RENAME)
        quick.execute(RENAME.replace("anna", "ben"))
        after_the_quick = moment()
        slow.commit()
        assert stillness.unchanged(after_the_quick) is None


def test_a_change_while_somebody_reads_is_a_change(written_log):
    before = moment()
    add_user("dora")
    log.advance(at=NOW)
    assert stillness.unchanged(before) is None


def test_changes_that_do_not_matter_are_left_out_by_the_name_of_the_table(written_log):
    before = moment()
    add_user("dora")
    assert stillness.unchanged(before, but_for=[USERS]) is not None
    assert stillness.unchanged(before, but_for=["public.registry_model"]) is None


def test_a_transaction_that_has_written_gets_no_word(written_log):
    before = moment()
    with transaction.atomic():
        assert stillness.unchanged(before) is not None
        add_user("dora")
        assert stillness.now() is None
        assert stillness.unchanged(before, but_for=[USERS]) is None


def test_a_table_changed_by_its_definition_is_a_change(superuser):
    before = moment()
    superuser.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
    assert stillness.unchanged(before) is None


STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "commit", "roll back"]), st.integers(0, 2)),
    max_size=25,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_the_order_a_commit_since_the_moment_is_told(written_log, steps):
    """Three writers of a row each; after each step word and deed are compared."""
    writers = [psycopg.connect(written_log.dsn) for _ in range(3)]
    wrote = [False] * 3
    try:
        for what, place in steps:
            before = moment()
            if what == "write":
                name = ("anna", "ben", "carla")[place]
                writers[place].execute(RENAME.replace("anna", name))
                wrote[place] = True
            elif what == "commit":
                writers[place].commit()
            else:
                writers[place].rollback()
            committed = what == "commit" and wrote[place]
            if what != "write":
                wrote[place] = False
            assert (stillness.unchanged(before) is None) is committed
    finally:
        for writer in writers:
            writer.close()
