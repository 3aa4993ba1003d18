"""Override statistics: every report, by period, as known at the moment."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import declaring
from governance.dossier import build
from governance.signatures import Proof
from tests import world
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def reported(stage: Stage, version, until: str, rate: float, **about) -> None:
    declaring.declare(
        kind="override_report",
        fields={
            "period_until": until,
            "override_rate": rate,
            "reasons": f"Reasons until {until}",
            "adjustments": "None were made.",
        },
        **(about or {"version": version}),
        proof=Proof(password=world.PASSWORD),
        by=stage.anna,
        at=timezone.now(),
    )


def test_all_reports_stand_in_the_dossier_with_their_log_entries(stage):
    version = stage.version(stage.model())
    empty, reader = built(stage.asked(version))
    assert json.loads(empty.document)["overrides"] == []
    assert "nobody had reported by then" in " ".join(words_of(reader).split())
    day = timezone.now().date()
    last, before = str(day), str(day - timedelta(days=90))
    reported(stage, version, last, 0.0417)
    reported(stage, version, before, 0.0833)
    reported(stage, version, before, 0.021, model=version.model)
    dossier, reader = built(stage.asked(version))
    said = json.loads(dossier.document)
    found = [(row["period_until"], row["rate"]) for row in said["overrides"]]
    assert found == [(before, 0.0833), (before, 0.021), (last, 0.0417)]
    text = " ".join(words_of(reader).split())
    assert "Override statistics" in text
    for expected in ("0.083", "0.021", "0.042", f"Reasons until {before}"):
        assert expected in text
    rows = {row["key"] for row in said["trail"]["rows"]}
    assert {row["id"] for row in said["overrides"]} <= rows
    assert build.snapshot(empty).content.overrides == ()
