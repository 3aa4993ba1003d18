"""Forgeries that agree with themselves, a second sequencer, ids and clocks moved."""

import pytest

from audits import integration, log
from audits.models import Checkpoint, Entry, Leaf, Sequencer
from audits.signer import Signer, SignerRefused
from audits.verification import verify
from registry.models import User
from tests.audits.forging import FORGE, LEAVES, LIVE, rebuild, sign_again
from tests.audits.ledger import NOW, add_user, behind_triggers, checked
from tests.audits.tampering import places


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
    """Forward of where it stands: sequences do not go back when a test ends."""
    (given,) = superuser.execute(
        "SELECT setval('audits_entry_id_seq', last_value + 100000) "
        "FROM audits_entry_id_seq"
    ).fetchone()
    add_user("dora")
    log.advance(at=NOW)
    assert Leaf.objects.last().entry_id == given + 1
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
