"""The public summary of a hiring tool, built: its bundle holds and tells no more."""

import io
import json
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from audits import offline
from governance import permit
from governance.dossier import build
from governance.dossier.exports import kept
from governance.dossier.request import request_dossier
from tests import world
from tests.audits.fair import evaluate, words
from tests.governance.dossier_stage import Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def test_the_bundle_of_the_public_summary_holds(stage, tmp_path, capsys):
    version = stage.version(stage.model(aedt=True, aedt_output="selection"))
    groups = words("f", "f", "f", "f", "m", "m", "m", "m", "m", None)
    found = evaluate(None, [1, 0, 0, 0, 1, 1, 0, 0, 0, 1], {"sex": groups})
    stage.measured_with_figures(version, {"fairness": found})
    dossier = request_dossier(
        version=version, variant="ll144-summary", by=stage.ines, at=timezone.now()
    )
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    said = json.loads(dossier.document)
    (table,) = said["summary"]["tables"]
    rates = [row["category"]["rate"] for row in table["lines"]]
    assert (rates, table["table"]["unknown"]) == ([0.25, 0.4], 1)
    assert "Ines" not in dossier.document
    assert "Anna" not in dossier.document
    listed = [item["name"] for item in kept.listed(dossier)]
    assert listed == ["ll144.csv", "ll144.html"]
    with default_storage.open(dossier.bundle_name) as file:
        packed = file.read()
    names = set(zipfile.ZipFile(io.BytesIO(packed)).namelist())
    assert not [name for name in names if name.startswith(("permit", "evidence"))]
    assert "log-extract.json" not in names
    (tmp_path / "bundle.zip").write_bytes(packed)
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(permit.public_keys(at=timezone.now())))
    code = offline.main([str(tmp_path / "bundle.zip"), "--key", str(keys)])
    told = capsys.readouterr().out
    assert code == 0, told
    assert "no extract" in told
