"""Runs: the same question once, cancelling, urgency, parts, declared predictions."""

import json
from datetime import timedelta

import jsonschema
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from audits import claims, execution
from audits import evidence as engine
from audits.evidence import latest_reports, report_of
from audits.models import EvidencePart, EvidenceReport, EvidenceRun
from audits.questions import CannotMeasure
from audits.report_format import schema
from governance import artifacts, datasets, evidence, records, registration, roles
from registry.models import DatasetVersion, ModelVersion
from tests.world import CSV, NOW, World

LOW, HIGH = 1 / (1 + 2.718281828459045), 2.718281828459045 / (1 + 2.718281828459045)
TRUTH = [row.rsplit(",")[-1] for row in CSV.decode().splitlines()[1:]]
COLUMNS = {"dti": "feature", "afam": "sensitive", "deny": "target"}


def ask(world: World, version: ModelVersion, data: DatasetVersion, **more: object):
    """Vera asks; what she asks for counts for decisions."""
    said = {"kind": "fairness", "by": world.vera, "at": NOW, **more}
    return evidence.request_run(version=version, dataset_version=data, **said)


def ended(run: EvidenceRun) -> EvidenceRun:
    """Work until nothing is left to do; answer the run as it ended."""
    while execution.execute_next():
        pass
    run.refresh_from_db()
    return run


def data_with_predictions(
    world: World, predictions: list[str], slug: str = "declared", **columns: str
) -> DatasetVersion:
    """The bank's data with a column that declares what the model answered."""
    head, *rows = CSV.decode().splitlines()
    lines = [
        f"{head},said",
        *(f"{r},{p}" for r, p in zip(rows, predictions, strict=True)),
    ]
    dataset = datasets.register(slug=slug, name=slug, by=world.ben, at=NOW)
    return datasets.add_version(
        dataset=dataset,
        chunks=["\n".join(lines).encode()],
        file_name="declared.csv",
        columns={**COLUMNS, "said": "prediction", **columns},
        by=world.ben,
        at=NOW,
    )


def told_by_the_model() -> list[str]:
    """What the bank's stump answers: above 0.33 the higher probability."""
    rows = CSV.decode().splitlines()[1:]
    return [str(HIGH if float(r.split(",")[0]) > 0.33 else LOW) for r in rows]


def test_the_same_question_is_answered_from_the_store_and_says_so(world):
    version, data = world.version(world.model()), world.data()
    first = ended(ask(world, version, data))
    assert first.state == "finished", first.failure
    second = ask(world, version, data)
    assert (second.state, second.answered_by) == ("finished", first)
    assert report_of(second) == report_of(first)
    assert EvidenceReport.objects.count() == 1


@pytest.mark.parametrize(
    "change", [{"config": {"seed": 7}}, {"kind": "performance"}, {"again": True}]
)
def test_another_question_is_measured(world, change):
    version, data = world.version(world.model()), world.data()
    first = ended(ask(world, version, data))
    second = ended(ask(world, version, data, **change))
    assert second.answered_by is None
    assert second.report.pk != first.report.pk


def test_the_same_question_measured_anew_has_the_same_bytes(world):
    version, data = world.version(world.model()), world.data()
    runs = [ended(ask(world, version, data, again=True)) for _ in range(2)]
    assert runs[0].report.sha256 == runs[1].report.sha256
    assert runs[0].report.document == runs[1].report.document


def test_an_open_question_is_not_asked_twice(world):
    version, data = world.version(world.model()), world.data()
    assert ask(world, version, data) == ask(world, version, data)


def test_what_the_developer_asked_counts_once_the_validator_asks_it_too(world):
    version, data = world.version(world.model()), world.data()
    ended(ask(world, version, data, by=world.ben))
    assert latest_reports(version) == {}
    ask(world, version, data)
    assert list(latest_reports(version)) == ["fairness"]


def test_a_developer_cannot_choose_the_settings_that_the_model_is_judged_by(world):
    model, data = world.model(), world.data()
    version = registration.register_version(
        model=model,
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(data, "test")],
        by=world.ben,
        at=NOW,
    )
    ended(ask(world, version, data, by=world.ben, config={"small_groups": "leave out"}))
    assert latest_reports(version) == {}
    ended(ask(world, version, data, by=world.ben))
    assert list(latest_reports(version)) == ["fairness"]


def test_a_cancelled_run_is_not_measured(world):
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    evidence.cancel_run(run=run, by=world.vera, at=NOW)
    assert ended(run).state == "cancelled"
    assert run.cancelled_by == world.vera
    assert not EvidenceReport.objects.exists()
    with pytest.raises(engine.AlreadyEnded):
        evidence.cancel_run(run=run, by=world.vera, at=NOW)
    assert ask(world, version, data) != run


def test_only_who_may_ask_may_cancel(world):
    run = ask(world, world.version(world.model()), world.data())
    with pytest.raises(roles.NotAllowed):
        evidence.cancel_run(run=run, by=world.ines, at=NOW)


def test_urgent_runs_go_first_and_only_the_second_line_hurries(world):
    version, data = world.version(world.model()), world.data()
    ask(world, version, data, at=timezone.now() - timedelta(hours=1))
    with pytest.raises(roles.NotAllowed):
        ask(world, version, data, by=world.ben, kind="performance", priority=2)
    urgent = ask(world, version, data, kind="performance", priority=2)
    execution.execute_next()
    urgent.refresh_from_db()
    assert urgent.state == "finished", urgent.failure


def test_a_large_run_is_cut_into_parts_and_merged_to_the_same_numbers(world, settings):
    version, data = world.version(world.model()), world.data()
    whole = ended(ask(world, version, data))
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, version, data, again=True)
    assert execution.execute_next() == 3, "as many workers can help"
    assert EvidencePart.objects.filter(run=run).count() == 3
    assert ended(run).state == "finished", run.failure
    assert run.report.sha256 == whole.report.sha256
    assert run.report.cost["parts"] == 3
    assert not default_storage.exists(f"evidence/{run.pk}")


def test_a_worker_with_an_old_view_of_the_queue_merges_nothing(world, settings):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, world.version(world.model()), world.data())
    (seen,) = claims.waiting(timezone.now())
    assert execution.execute_next() == 3
    assert execution.execute(seen) == 1, "the other worker has cut it meanwhile"
    assert ended(run).state == "finished", run.failure
    assert run.report.cost["parts"] == 3


def test_a_part_whose_scores_were_changed_is_not_believed(world, settings):
    version, data = world.version(world.model()), world.data()
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, version, data, kind="performance")
    for _ in range(4):
        execution.execute_next()
    part = run.parts.first()
    with default_storage.open(part.scores_name, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00")
    assert ended(run).state == "failed"
    assert "were changed" in run.failure


def test_a_failing_part_fails_the_run_once(world, settings):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    version, data = world.version(world.model()), world.data()
    run = ask(world, version, data)
    settings.FREIGABE_EVIDENCE_MEMORY_BYTES = 2**20
    assert ended(run).state == "failed"
    assert run.failure
    assert execution.execute_next() == 0


def test_a_report_follows_its_schema_and_says_what_it_cost(world):
    run = ended(ask(world, world.version(world.model()), world.data()))
    document = json.loads(run.report.document)
    jsonschema.validate(document, schema())
    assert document["words"]["en"] != document["words"]["de"]
    assert {c["key"] for c in document["charts"]["de"]} == {
        c["key"] for c in document["charts"]["en"]
    }
    cost = run.report.cost
    assert cost["rows"] == 120
    assert cost["seconds"] >= 0
    assert cost["peak_memory_bytes"] > 10 * 2**20


def test_declared_predictions_that_are_the_models_are_confirmed(world):
    version = world.version(world.model())
    run = ended(ask(world, version, data_with_predictions(world, told_by_the_model())))
    assert run.state == "finished", run.failure
    assert run.report.measurements.get(name="score_parity_difference").value < 1e-6


def test_declared_predictions_of_another_model_end_the_run(world):
    version = world.version(world.model())
    better = [str(int(r.rsplit(",")[-1])) for r in CSV.decode().splitlines()[1:]]
    run = ended(ask(world, version, data_with_predictions(world, better)))
    assert run.state == "failed"
    assert "are not this model's" in run.failure
    assert not EvidenceReport.objects.exists()


def of_a_vendor(world: World, positive: str = "1") -> ModelVersion:
    """A vendor's version: its container cannot be run, only its answers are known."""
    image = artifacts.store(
        chunks=[b'{"mediaType": "application/vnd.oci.image.manifest.v1+json"}'],
        file_name="manifest.json",
        as_model=False,
        by=world.ben,
        at=NOW,
    )
    return registration.register_version(
        model=world.model(vendor="Score GmbH"),
        version="1",
        artifacts=[(image, "model")],
        operating=registration.Operating(positive=positive),
        by=world.ben,
        at=NOW,
    )


@pytest.mark.parametrize("kind", ["fairness", "performance"])
def test_predictions_alone_are_measured_and_the_report_says_whose_they_are(world, kind):
    version = of_a_vendor(world)
    data = data_with_predictions(world, told_by_the_model())
    run = ended(ask(world, version, data, kind=kind))
    assert run.state == "finished", run.failure
    document = json.loads(run.report.document)
    assert "declared" in document["basis"]
    assert document["sandbox"] == "no model was run"
    assert any("No model file was run" in said for said in document["warnings"])
    assert report_of(run).measurements.exists()


def vendors_answer(world: World, said: list[str], positive: str = "1") -> EvidenceRun:
    """A vendor's version, measured on what its data say that it answered."""
    version = of_a_vendor(world, positive=positive)
    data = data_with_predictions(world, said)
    return ended(ask(world, version, data, kind="performance"))


@pytest.mark.parametrize(
    ("said", "positive"),
    [
        (["yes" if one == "1" else "no" for one in TRUTH], "1"),
        (["Yes" if one == "1" else "No" for one in TRUTH], "0"),
        (TRUTH, "1"),
        (TRUTH, "0"),
    ],
)
def test_declared_classes_are_read_for_what_they_mean(world, said, positive):
    run = vendors_answer(world, said, positive)
    assert run.state == "finished", run.failure
    assert run.report.measurements.get(name="accuracy").value == 1.0


@pytest.mark.parametrize("words", [("refuse", "grant"), ("maybe", "yes")])
def test_declared_words_that_do_not_mean_the_positive_class_end_the_run(world, words):
    run = vendors_answer(world, [words[one == "1"] for one in TRUTH])
    assert run.state == "failed"
    assert "one that means '1'" in run.failure


@pytest.mark.parametrize("kind", ["explainability", "robustness"])
def test_declared_predictions_are_compared_whatever_is_measured(world, kind):
    version = world.version(world.model())
    data = data_with_predictions(world, TRUTH)
    run = ended(ask(world, version, data, kind=kind))
    assert run.state == "failed"
    assert "are not this model's" in run.failure


@pytest.mark.parametrize("kind", ["explainability", "robustness"])
def test_predictions_alone_cannot_be_explained(world, kind):
    version = of_a_vendor(world)
    data = data_with_predictions(world, told_by_the_model())
    with pytest.raises(CannotMeasure, match="cannot be run"):
        ask(world, version, data, kind=kind)


def test_predictions_alone_need_a_column_of_predictions(world):
    with pytest.raises(CannotMeasure, match="prediction"):
        ask(world, of_a_vendor(world), world.data())


@pytest.mark.parametrize("bad", ["", "2.5", "-0.1"])
def test_declared_predictions_that_cannot_be_end_with_a_sentence(world, bad):
    version = of_a_vendor(world)
    said = [bad, *told_by_the_model()[1:]]
    run = ended(ask(world, version, data_with_predictions(world, said)))
    assert run.state == "failed"
    assert "prediction 'said'" in run.failure


def test_only_a_vendors_model_may_be_a_file_that_cannot_be_run(world):
    document = artifacts.store(
        chunks=[b"hello"], file_name="a.txt", as_model=False, by=world.ben, at=NOW
    )
    with pytest.raises(records.Refused, match="vendor"):
        registration.register_version(
            model=world.model(),
            version="1",
            artifacts=[(document, "model")],
            by=world.ben,
            at=NOW,
        )
