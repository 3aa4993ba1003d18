"""Every kind of report for every task: it follows the schema, in both languages."""

import io
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from audits.models import EvidenceRun
from audits.report_format import schema
from governance import artifacts, datasets, registration
from registry.models import DatasetVersion, ModelVersion
from tests.audits.small_models import FEATURES, frame, labels, lightgbm_model
from tests.governance.test_evidence_runs import ask, ended
from tests.world import NOW, World


def data_for(world: World, task: str, slug: str, shift: float) -> DatasetVersion:
    """Rows of `small_models`, with groups that have names from everywhere."""
    rows = frame(missing=False) + shift
    rows["known"] = labels(frame(missing=False), task)
    groups = np.array(["größer als 1 €", "日本", "<b>&amp;</b>"], dtype=object)
    rows["group"] = groups[np.arange(len(rows)) % 3]
    file = io.BytesIO()
    rows.to_parquet(file)
    dataset = datasets.register(slug=slug, name=slug, by=world.ben, at=NOW)
    return datasets.add_version(
        dataset=dataset,
        chunks=[file.getvalue()],
        file_name=f"{slug}.parquet",
        columns={
            **dict.fromkeys(FEATURES, "feature"),
            "known": "target",
            "group": "sensitive",
        },
        by=world.ben,
        at=NOW,
    )


def version_for(world: World, task: str, folder: Path) -> ModelVersion:
    lightgbm_model(folder, task)
    content = (folder / "l.txt").read_bytes()
    model = artifacts.store(
        chunks=[content], file_name="model.txt", by=world.ben, at=NOW
    )
    return registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(model, "model")],
        datasets=[(data_for(world, task, "training", 0.5), "training")],
        by=world.ben,
        at=NOW,
    )


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_every_kind_of_report_follows_the_schema(world, tmp_path, task):
    version = version_for(world, task, tmp_path)
    data = data_for(world, task, "test", 0.0)
    runs = [ask(world, version, data, kind=kind) for kind in EvidenceRun.Kind]
    for run in runs:
        ended(run)
        assert run.state == "finished", (run.kind, run.failure)
        document = json.loads(run.report.document)
        jsonschema.validate(document, schema())
        assert document["measurements"], run.kind
        assert document["limits"], run.kind
        said = document["words"]
        assert said["en"], run.kind
        assert len(said["en"]) == len(said["de"])
        assert said["en"] != said["de"], run.kind
        drawn = document["charts"]
        assert [c["key"] for c in drawn["en"]] == [c["key"] for c in drawn["de"]]
        stored = {
            (row.name, row.group, row.value) for row in run.report.measurements.all()
        }
        assert stored == {
            (one["name"], one["group"], one["value"])
            for one in document["measurements"]
        }
