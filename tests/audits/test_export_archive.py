"""After a stretch was archived, the export goes on and still tells the whole story."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audits import log
from audits.archive import archive
from audits.export.destination import Contradiction
from audits.export.export import export
from audits.offline import main
from governance import access
from registry.models import User
from tests.audits.ledger import NOW

END = 4_194_304  # where the first partition ends


@pytest.fixture
def place(written_log, superuser, settings, tmp_path):
    """Archive the first partition of a log that was exported before."""
    settings.FREIGABE_EXPORT = str(tmp_path / "worm")
    User.objects.filter(username="ben").update(unit="risk", email="ben@bank.example")
    superuser.execute("SELECT setval('audits_entry_id_seq', %s)", [END - 1000])
    superuser.execute("SELECT audits_add_partition()")
    superuser.execute("SELECT setval('audits_entry_id_seq', %s)", [END - 1])
    User.objects.bulk_create(User(username=f"u{n}", unit="x") for n in range(300))
    log.advance(at=NOW)
    export(to=settings.FREIGABE_EXPORT, at=NOW)
    archive(
        partition="audits_entry_p1",
        because="Ten years are over.",
        at=timezone.now() + timedelta(days=365 * 11),
        by=access.system_user(),
    )
    return tmp_path / "worm"


def test_an_export_goes_on_after_archiving_and_holds(place, capsys):
    User.objects.filter(username="ben").update(unit="audit", first_name="Ben")
    User.objects.get(username="anna").delete()
    log.advance(at=NOW)
    assert export(to=str(place), at=NOW).added > 0
    assert main([str(place), "--key", log.signer().vkey]) == 0, capsys.readouterr().out


def test_a_new_place_cannot_begin_where_entries_are_gone(place, tmp_path):
    log.advance(at=NOW)
    with pytest.raises(Contradiction, match="go on with the destination that holds it"):
        export(to=str(tmp_path / "new"), at=NOW)
