"""Performance, drift, data quality and robustness, from the question to the report."""

import json

import lightgbm
import numpy as np
import pytest

from audits.evidence import report_of
from audits.models import EvidenceRun
from audits.questions import CannotMeasure
from governance import artifacts, datasets, evidence, registration
from registry.models import DatasetVersion, ModelVersion
from tests.governance.test_evidence_runs import ask, ended, of_a_vendor
from tests.world import CSV, LIGHTGBM, NOW, World

COLUMNS = {"dti": "feature", "afam": "sensitive", "deny": "target", "day": "ignored"}
HEAD, *ROWS = CSV.decode().splitlines()


def lines(*, shift: float = 0.0, first: int = 0, count: int = 120) -> str:
    """The bank's rows over six months, their debts higher by `shift`."""
    made = []
    for i in range(first, first + count):
        dti, afam, deny = ROWS[i % len(ROWS)].split(",")
        day = f"2026-{1 + i % 6:02}-15"
        made.append(f"{float(dti) + shift + i / 1e5:.5f},{afam},{deny},{day}")
    return "\n".join([f"{HEAD},day", *made, ""])


def data(world: World, slug: str, content: str, **roles: str) -> DatasetVersion:
    dataset = datasets.register(slug=slug, name=slug, by=world.ben, at=NOW)
    return datasets.add_version(
        dataset=dataset,
        chunks=[content.encode()],
        file_name=f"{slug}.csv",
        columns=roles or COLUMNS,
        by=world.ben,
        at=NOW,
    )


def version_of(
    world: World, training: DatasetVersion | None, content: bytes = LIGHTGBM
) -> ModelVersion:
    model = artifacts.store(
        chunks=[content], file_name="model.txt", by=world.ben, at=NOW
    )
    return registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(model, "model")],
        datasets=[(training, "training")] if training else [],
        by=world.ben,
        at=NOW,
    )


def measured(run: EvidenceRun) -> dict[str, dict[str, object]]:
    run = ended(run)
    assert run.state == "finished", run.failure
    document = json.loads(report_of(run).document)
    return {
        f"{one['name']}[{one['group']}]" if one["group"] else one["name"]: one
        for one in document["measurements"]
    }


def test_performance_by_period_by_cost_and_against_the_version_before(world):
    test = data(world, "test", lines(count=600))
    before = version_of(world, None)
    after = registration.register_version(
        model=before.model,
        version="2",
        artifacts=[(world.artifact(LIGHTGBM.replace(b"-1 1", b"-2 2")), "model")],
        by=world.ben,
        at=NOW.replace(year=NOW.year + 1),
    )
    config = {
        "time_column": "day",
        "cost_false_negative": 10,
        "cost_false_positive": 1,
        "minimum_segment_rows": 30,
    }
    found = measured(ask(world, after, test, kind="performance", config=config))
    assert found["roc_auc"]["value"] is not None
    assert found["roc_auc_gain[against=1]"]["value"] == 0  # the same order of rows
    assert found["brier_gain[against=1]"]["value"] != 0
    assert found["loss_by_period[time=2026-03]"]["n"] == 100
    assert found["cost_per_row"]["value"] > 0
    assert found["weak_segments"]["value"] is not None


def test_drift_is_seen_against_the_training_data_and_not_without(world):
    training = data(world, "training", lines(count=600))
    version = version_of(world, training)
    moved = data(world, "moved", lines(shift=0.4, count=300))
    found = measured(ask(world, version, moved, kind="drift"))
    assert found["psi[feature=dti]"]["value"] > 0.25
    assert found["drifted_features"]["value"] == 1
    assert found["score_psi"]["value"] > 0.25
    assert found["score_psi_by_group[afam=yes]"]["value"] > 0.25
    assert found["estimated_accuracy"]["lower"] > 0
    alike = data(world, "alike", lines(first=600, count=300))
    found = measured(ask(world, version, alike, kind="drift"))
    assert found["drifted_features"]["value"] == 0


def test_drift_without_a_reference_says_what_is_missing(world):
    version = version_of(world, None)
    run = ended(ask(world, version, data(world, "now", lines()), kind="drift"))
    assert run.state == "failed"
    assert "training data is not known" in run.failure
    config = {"reference_dataset": "nowhere/1"}
    run = ended(ask(world, version, world.data(), kind="drift", config=config))
    assert "no data set 'nowhere/1'" in run.failure


def test_data_quality_finds_training_rows_in_the_test(world):
    training = data(world, "training", lines(count=400))
    version = version_of(world, training)
    mixed = data(world, "mixed", lines(first=300, count=200))
    found = measured(ask(world, version, mixed, kind="data_quality"))
    assert found["train_test_overlap"]["value"] == 0.5
    assert found["missing_share[feature=dti]"]["value"] == 0
    assert found["group_share[afam=no]"]["n"] == 200
    assert found["representativeness_psi[feature=afam]"]["value"] < 0.1
    found = measured(ask(world, version, training, kind="data_quality"))
    assert found["train_test_overlap"]["value"] == 1


def test_data_quality_without_training_data_passes_no_gate(world):
    version = version_of(world, None)
    test = data(world, "test", lines())
    config = {"reference_shares": {"afam": {"yes": 0.5, "no": 0.5}}}
    run = ask(world, version, test, kind="data_quality", config=config)
    found = measured(run)
    assert found["train_test_overlap"]["value"] is None
    assert found["out_of_range_share"]["value"] is None
    assert found["representativeness_p[feature=afam]"]["value"] < 0.01


def test_robustness_of_a_stump(world):
    version = version_of(world, None)
    test = data(world, "test", lines())
    config = {"monotonic": {"dti": 1}, "response_rows": 100}
    found = measured(ask(world, version, test, kind="robustness", config=config))
    assert found["monotonic_violation_share[feature=dti]"]["value"] == 0
    assert found["noise_flip_rate[feature=dti]"]["value"] < 0.2
    assert found["shift_response[feature=dti, up]"]["value"] > 0
    config = {"monotonic": {"dti": -1}, "response_rows": 100}
    found = measured(ask(world, version, test, kind="robustness", config=config))
    assert found["monotonic_violation_share[feature=dti]"]["value"] == 1


def several(world: World) -> tuple[bytes, DatasetVersion]:
    """A small model of three classes, and data of which it knows most."""
    random = np.random.default_rng(0)
    values = random.normal(size=(400, 2))
    grade = (values[:, 0] > 0).astype(int) + (values[:, 0] > 1)
    made = lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "num_leaves": 4, "verbose": -1},
        lightgbm.Dataset(values, grade, feature_name=["a", "b"]),
        8,
    )
    rows = [f"{a:.4f},{b:.4f},{g}" for (a, b), g in zip(values, grade, strict=True)]
    test = data(
        world,
        "grades",
        "\n".join(["a,b,grade", *rows, ""]),
        a="feature",
        b="feature",
        grade="target",
    )
    return made.model_to_string().encode(), test


def test_several_classes_from_the_question_to_the_report(world):
    content, test = several(world)
    version = version_of(world, None, content)
    found = measured(ask(world, version, test, kind="performance"))
    assert found["accuracy"]["lower"] > 0.8
    assert found["one_vs_rest_auc[class=2]"]["value"] > 0.9
    config = {"response_rows": 60}
    found = measured(ask(world, version, test, kind="robustness", config=config))
    assert found["shift_flip_rate[feature=a, up]"]["value"] > 0
    run = ask(world, version, test, kind="robustness", config={"monotonic": {"a": 1}})
    assert "no one direction" in ended(run).failure


def test_values_are_measured_and_compared_with_the_version_before(world):
    plain = LIGHTGBM.replace(b"objective=binary sigmoid:1", b"objective=regression")
    test = data(world, "values", lines(count=600))
    before = version_of(world, None, plain)
    after = registration.register_version(
        model=before.model,
        version="2",
        artifacts=[(world.artifact(plain.replace(b"-1 1", b"0.4 0.6")), "model")],
        by=world.ben,
        at=NOW.replace(year=NOW.year + 1),
    )
    config = {"minimum_segment_rows": 30}
    found = measured(ask(world, after, test, kind="performance", config=config))
    assert found["rmse"]["value"] == pytest.approx(0.5, abs=0.05)
    assert found["mae_gain[against=1]"]["lower"] > 0
    assert any(key.startswith("segment_loss[dti=") for key in found)


def test_a_version_before_that_cannot_be_run_gains_nothing_and_ends_nothing(world):
    test = data(world, "test", lines())
    other = LIGHTGBM.replace(b"feature_names=dti", b"feature_names=wage")
    before = version_of(world, None, other)
    after = registration.register_version(
        model=before.model,
        version="2",
        artifacts=[(world.artifact(), "model")],
        by=world.ben,
        at=NOW.replace(year=NOW.year + 1),
    )
    found = measured(ask(world, after, test, kind="performance"))
    assert found["roc_auc"]["value"] is not None
    assert found["roc_auc_gain[against=1]"]["value"] is None
    assert "'wage'" in found["roc_auc_gain[against=1]"]["because"]


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("robustness", {"monotonic": {"dti": 2}}),
        ("robustness", {"noise": 0}),
        ("drift", {"reference_dataset": "x"}),
        ("data_quality", {"reference_shares": {"afam": {"yes": 2}}}),
        ("performance", {"cost_false_positive": -1}),
    ],
)
def test_settings_are_checked_when_asked(world, kind, config):
    version, test = version_of(world, None), data(world, "test", lines())
    with pytest.raises(CannotMeasure):
        evidence.request_run(
            version=version,
            dataset_version=test,
            kind=kind,
            config=config,
            by=world.vera,
            at=NOW,
        )


def test_training_data_of_another_type_cannot_be_compared_row_by_row(world):
    words = lines(count=60).replace("\n0.", "\nabout 0.")
    training = data(world, "words", words)
    version = version_of(world, training)
    found = measured(
        ask(world, version, data(world, "t", lines()), kind="data_quality")
    )
    assert found["train_test_overlap"]["value"] is None
    assert "text in the other" in found["train_test_overlap"]["because"]
    assert found["out_of_range_share"]["value"] == 1


def test_the_declared_scores_of_a_model_that_cannot_be_run_drift_too(world):
    version = of_a_vendor(world)
    roles = {**COLUMNS, "dti": "feature", "said": "prediction"}

    def saying(content: str, score: str) -> str:
        head, *rows = content.splitlines()
        said = [f"{row},{score if i % 3 else 0.5}" for i, row in enumerate(rows)]
        return "\n".join([f"{head},said", *said, ""])

    data(world, "before", saying(lines(count=300), "0.2"), **roles)
    now = saying(lines(shift=0.4, count=300), "0.8")
    moved = data(world, "now", now, **roles)
    config = {"reference_dataset": "before/1"}
    found = measured(ask(world, version, moved, kind="drift", config=config))
    assert found["psi[feature=dti]"]["value"] > 0.25
    assert found["score_psi"]["value"] > 0.25
    assert found["estimated_accuracy"]["value"] == pytest.approx(0.7)
