"""The log's word on whether anything changed: never "nothing" after a commit."""

from dataclasses import replace

import psycopg
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits import log, stillness
from tests.audits.ledger import NOW, add_user

USERS = "public.registry_user"
RENAME = "UPDATE registry_user SET unit = unit || 'x' WHERE username = 'anna'"


def moment() -> stillness.Moment:
    found = stillness.look().moment
    assert found is not None
    return found


def unchanged(since: stillness.Moment, but_for=()) -> stillness.Moment | None:
    """The present moment, if nothing changed."""
    seen = stillness.look(since, but_for=but_for)
    return seen.moment if seen.unchanged else None


def test_what_is_read_beside_is_of_the_same_moment(written_log):
    before = moment()
    users = stillness.Beside(
        ", (SELECT count(*) FROM registry_user WHERE unit <> %s), more.x",
        " LEFT JOIN LATERAL (SELECT %s::int AS x) more ON true",
        ["none", 7],
    )
    seen = stillness.look(before, beside=users)
    add_user("dora")
    then = stillness.look(before, beside=users)
    assert (seen.unchanged, then.unchanged) == (True, False)
    assert seen.beside[1] == then.beside[1] == 7
    assert then.beside[0] == seen.beside[0] + 1
    assert not stillness.look().unchanged


def test_a_log_that_went_back_vouches_for_nothing(written_log):
    before = moment()
    assert unchanged(before) is not None
    assert unchanged(replace(before, done=before.done + 1)) is None


def test_what_nobody_touched_is_unchanged_before_and_after_it_was_sequenced(
    written_log,
):
    add_user("dora")
    before = moment()
    later = unchanged(before)
    log.advance(at=NOW)
    assert later is not None
    assert unchanged(before) is not None
    assert unchanged(later) is not None


def test_a_commit_is_a_change_and_a_rollback_is_none(written_log):
    before = moment()
    with psycopg.connect(written_log.dsn) as other:
        other.execute(RENAME)
        assert unchanged(before) is not None
        other.rollback()
        assert unchanged(before) is not None
        other.execute(RENAME)
    assert unchanged(before) is None


def test_an_older_entry_that_is_committed_late_is_a_change(written_log):
    with (
        psycopg.connect(written_log.dsn) as slow,
        psycopg.connect(written_log.dsn, autocommit=True) as quick,
    ):
        slow.execute(RENAME)
        quick.execute(RENAME.replace("anna", "ben"))
        after_the_quick = moment()
        slow.commit()
        assert unchanged(after_the_quick) is None


def test_a_change_while_somebody_reads_is_a_change(written_log):
    before = moment()
    add_user("dora")
    log.advance(at=NOW)
    assert unchanged(before) is None


def test_changes_that_do_not_matter_are_left_out_by_the_name_of_the_table(written_log):
    before = moment()
    add_user("dora")
    assert unchanged(before, but_for=[USERS]) is not None
    assert unchanged(before, but_for=["public.registry_model"]) is None


def test_a_transaction_that_has_written_gets_no_word(written_log):
    before = moment()
    with transaction.atomic():
        assert unchanged(before) is not None
        add_user("dora")
        assert stillness.look().moment is None
        assert unchanged(before, but_for=[USERS]) is None


def test_a_table_changed_by_its_definition_is_a_change(superuser):
    before = moment()
    superuser.execute("ALTER TABLE registry_user DISABLE TRIGGER zz_capture")
    assert unchanged(before) is None


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
            assert (unchanged(before) is None) is committed
    finally:
        for writer in writers:
            writer.close()
