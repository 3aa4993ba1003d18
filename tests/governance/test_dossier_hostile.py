"""Hostile content still gives a readable dossier; a broken report a clear sentence."""

import io
import json
import re

import pypdf
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from audits.evaluators.base import Evaluation, Measurement
from governance import registration
from governance.dossier import build
from governance.models import Dossier
from registry.acts import acting
from registry.models import Environment
from tests import world
from tests.governance.dossier_stage import HOSTILE, Stage

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
GROUPS = [f"g={HOSTILE}{i}" for i in range(60)]
EVIL = {
    "fairness": Evaluation(
        measurements=tuple(
            Measurement("selection_rate", 0.5, 0.4, 0.6, n=50, group=name[:200])
            for name in GROUPS
        ),
        summary={
            "features": [
                {
                    "feature": HOSTILE * 3,
                    "groups": [
                        {
                            "group": name,
                            "rows": 50,
                            "rates": {
                                "selection_rate": {
                                    "value": 0.5,
                                    "lower": 0.4,
                                    "upper": 0.6,
                                    "n": 50,
                                    "because": "",
                                }
                            },
                        }
                        for name in GROUPS
                    ],
                }
            ]
        },
        warnings=(HOSTILE * 40,),
    ),
    "explainability": Evaluation(
        measurements=(),
        summary={
            "features": [
                {
                    "feature": "x" * 3000,
                    "mean_abs_shap": 1e-12,
                    "mean_shap": -1e300,
                    "mean_abs_shap_second_sample": 1e300,
                }
            ],
            "beeswarm": [
                {"feature": "x" * 3000, "shap": 1e300, "level": None, "value": None}
            ],
        },
    ),
}


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def test_hostile_texts_are_printed_and_run_nothing(stage):
    model = stage.model(
        name=(HOSTILE * 5)[:200],
        purpose="W" * 3000,
        limitations=HOSTILE * 400,
        inputs="\u05d0\u05d1\u05d2 " * 300,
    )
    with acting(by=stage.ola):
        Environment.objects.update(name=(HOSTILE * 5)[:200])
    version = registration.register_version(
        model=model,
        version="1",
        artifacts=[(stage.artifact(), "model")],
        by=stage.ben,
        at=timezone.now(),
        method="m" * 200,
        notes="<script>alert(1)</script>" * 100,
        run=registration.RunFacts(
            name=(HOSTILE * 5)[:200],
            parameters={HOSTILE: "p" * 3000, "n": [1] * 500},
            metrics={"auc": 0.8},
        ),
    )
    stage.measured_with_figures(version, EVIL)
    dossier = stage.asked(version)
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.pdf_name) as file:
        reader = pypdf.PdfReader(io.BytesIO(file.read()))
    text = "".join(page.extract_text() for page in reader.pages)
    assert "<b>&" in text
    assert "{{ 7|add:1 }}" in text
    assert "<script>alert(1)</script>" in re.sub(r"\s", "", text)
    assert "\u202e" not in text
    assert "more characters in dossier.json" in text
    assert len(reader.pages) < 60
    for page in reader.pages:
        last = re.sub(r"\s+", " ", page.extract_text())
        assert f"of {len(reader.pages)}" in last, "the page number was pushed away"


def test_after_three_attempts_it_has_failed_with_a_sentence(stage, settings, tmp_path):
    dossier = stage.asked(stage.version(stage.model()))
    settings.FREIGABE_KEYS_DIR = tmp_path / "file"
    settings.FREIGABE_KEYS_DIR.write_text("no folder for keys")
    for attempt in (1, 2):
        assert build.build_next()
        dossier.refresh_from_db()
        assert (dossier.state, dossier.attempts) == (Dossier.State.PENDING, attempt)
        assert dossier.failure
    assert build.build_next()
    dossier.refresh_from_db()
    assert (dossier.state, dossier.attempts) == (Dossier.State.FAILED, 3)
    assert dossier.failure
    assert dossier.ended_at is not None
    assert not build.build_next()


def test_a_table_of_5000_rows_is_cut_on_paper_and_whole_in_the_json(stage):
    version = stage.version(stage.model())
    many = Evaluation(
        measurements=tuple(
            Measurement("selection_rate", i / 5000, 0.0, 1.0, n=i, group=f"zip={i:05}")
            for i in range(1, 5001)
        ),
        summary={},
    )
    stage.measured_with_figures(version, {"fairness": many})
    dossier = stage.asked(version)
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.pdf_name) as file:
        reader = pypdf.PdfReader(io.BytesIO(file.read()))
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))
    assert "4,700 more rows are in dossier.json." in text
    assert "zip=00300" in text
    assert "zip=00301" not in text
    assert len(reader.pages) < 60
    (report,) = json.loads(dossier.document)["evidence"]
    assert len(report["measurements"]) == 5000
