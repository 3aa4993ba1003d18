"""`manage.py export_log` and the clock's task: doors to the export."""

import io
import json
import shutil

import pytest
from django.core.management import call_command

from audits import log
from audits.export.destination import latest
from audits.export.directory import Directory
from audits.export.layout import manifest_path
from governance.tasks import export_log
from tests.audits.ledger import checked, only_finding


@pytest.fixture
def place(tmp_path):
    """Name a folder that does not exist yet."""
    return tmp_path / "worm" / "log"


def _command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    code = 0
    try:
        call_command("export_log", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as ending:
        code = int(ending.code)
    return code, out.getvalue()


def test_the_command_exports_and_says_what_is_there(written_log, place):
    code, said = _command("--to", str(place))
    assert code == 0
    assert latest(Directory(place)).sha256 in said
    code, said = _command("--to", str(place), "--json")
    assert (code, json.loads(said)["ok"], json.loads(said)["added"]) == (0, True, 0)
    (place / manifest_path(1)).chmod(0o644)
    (place / manifest_path(1)).write_bytes(b"{}")
    code, said = _command("--to", str(place), "--json")
    assert (code, json.loads(said)["ok"]) == (1, False)
    (place.parent / "file").write_bytes(b"")
    code, said = _command("--to", str(place.parent / "file"), "--json")
    assert (code, json.loads(said)["ok"]) == (2, None)
    assert _command()[0] == 2


def test_the_clock_exports_to_the_configured_place(
    written_log, place, settings, caplog
):
    settings.FREIGABE_EXPORT = str(place)
    export_log()
    assert latest(Directory(place)).size == log.latest_checkpoint().tree_size
    (place / manifest_path(1)).unlink()
    export_log()
    assert "The log was not exported" in caplog.text


def test_verification_names_an_export_that_lost_something(written_log, place, settings):
    settings.FREIGABE_EXPORT = str(place)
    export_log()
    assert [item for item in checked().findings if item.kind == "export"] == []
    (place / manifest_path(1)).unlink()
    finding = only_finding("export")
    assert "holds 0 manifests, but 1 were written there" in finding.what
    shutil.rmtree(place)
    verdict = checked()
    assert not [item for item in verdict.findings if item.kind == "export"]
    assert any("The export could not be read" in gap for gap in verdict.not_covered)
