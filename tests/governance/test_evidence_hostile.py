"""Hostile words and numbers on their way into runs, reports, pages and answers."""

import io
import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits import execution, reports
from audits.evaluators.base import Evaluation, Measurement, UnusableEvidence
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceReport, EvidenceRun
from audits.questions import CannotMeasure
from audits.report_format import schema
from audits.sandbox import SandboxRefused
from governance import datasets, evidence
from registry.models import DatasetVersion
from tests.governance.callers import pointers
from tests.governance.test_evidence_runs import ask, ended
from tests.world import CSV, NOW, World

RUNS = "models/mortgage-approval/versions/1/evidence-runs"
NASTY = ("a\x00b", "right\u202eleft", "\x1b[31mred", "x" * 5000)


def running(world: World) -> EvidenceRun:
    """A run that a worker is at."""
    run = ask(world, world.version(world.model()), world.data())
    EvidenceRun.objects.filter(pk=run.pk).update(state="running")
    run.refresh_from_db()
    return run


def measured(*measurements: Measurement, **summary: object) -> Measured:
    return Measured(
        evaluation=Evaluation(measurements=measurements, summary=summary),
        artifact_sha256="0" * 64,
        sandbox="test",
    )


def nasty_data(world: World) -> DatasetVersion:
    """The bank's data, with groups that no printer should print."""
    frame = pd.read_csv(io.BytesIO(CSV))
    frame["afam"] = np.array(NASTY, dtype=object)[np.arange(len(frame)) % len(NASTY)]
    file = io.BytesIO()
    frame.to_parquet(file)
    dataset = datasets.register(slug="nasty", name="Nasty", by=world.ben, at=NOW)
    return datasets.add_version(
        dataset=dataset,
        chunks=[file.getvalue()],
        file_name="nasty.parquet",
        columns={"dti": "feature", "afam": "sensitive", "deny": "target"},
        by=world.ben,
        at=NOW,
    )


def test_groups_that_cannot_be_printed_are_measured_and_become_visible(world, client):
    run = ended(ask(world, world.version(world.model()), nasty_data(world)))
    assert run.state == "finished", run.failure
    document = run.report.document
    jsonschema.validate(json.loads(document), schema())
    assert "\\u0000" not in document
    assert "\u202e" not in document
    assert run.report.measurements.filter(group__contains="a\ufffdb").exists()
    client.force_login(world.vera)
    page = client.get(f"/evidence/{run.pk}/")
    assert page.status_code == 200
    assert "\u202e" not in page.content.decode()


@pytest.mark.parametrize("what", ["\x00", "\ud800", "\u202e"])
def test_a_strangers_text_in_a_report_becomes_visible(world, what):
    run = running(world)
    one = Measurement("roc_auc", None, group=f"g={what}", because=f"why {what}.")
    report = store(run=run, measured=measured(one, table={what: [what]}))
    assert json.loads(report.document)["summary"] == {"table": {"\ufffd": ["\ufffd"]}}
    assert report.measurements.get().group == "g=\ufffd"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, b"x", {1: 2}])
def test_a_report_that_json_cannot_hold_fails_with_a_sentence(world, value):
    run = running(world)
    with pytest.raises(UnusableEvidence, match=r"cannot be written: \$.summary.table"):
        store(run=run, measured=measured(table=value))
    assert not EvidenceReport.objects.exists()


def test_numbers_of_zero_have_one_form(world):
    run = running(world)
    report = store(run=run, measured=measured(Measurement("roc_auc", -0.0)))
    assert '"value":0}' in report.document


def test_a_report_of_ten_thousand_groups_is_stored_and_shown(world, client):
    many = [
        Measurement("selection_rate", i / 1e4, group=f"g={i}") for i in range(10_000)
    ]
    run = running(world)
    report = store(run=run, measured=measured(*many))
    assert report.measurements.count() == 10_000
    assert len(reports.words.sentences(many)) <= reports.words.MOST
    client.force_login(world.vera)
    assert client.get(f"/evidence/{run.pk}/").status_code == 200


def test_what_a_hostile_child_says_ends_the_run_with_a_legible_reason(
    world, monkeypatch
):
    run = ask(world, world.version(world.model()), world.data())

    def say(_run, *, limits, on_progress):
        run.refresh_from_db()
        on_progress(float("nan"), "busy \x00 \ud800")
        raise SandboxRefused("It said \x00 and \ud800.")

    monkeypatch.setattr(execution, "_PROGRESS_SECONDS", 0)
    monkeypatch.setattr(execution, "measure", say)
    execution.execute_next()
    run.refresh_from_db()
    assert (run.state, run.failure) == ("failed", "It said \ufffd and \ufffd.")
    assert (run.progress, run.step) == (0.0, "busy \ufffd \ufffd")


@pytest.mark.parametrize(
    "config",
    [
        {"control": "\x00"},
        {"control": "\ud800"},
        {"control": ""},
        {"control": 7},
        {"\ud800\x00": 1},
        {"x" * 100_000: 1},
        {"seed": -1},
        {"seed": 2**80},
        {"seed": True},
        {"bootstrap_rounds": 1e400},
        {"cross_check": "yes"},
        {"threshold": "0.5"},
        {"positive": ["1"]},
    ],
)
def test_settings_of_the_wrong_kind_are_refused_with_their_name(caller, world, config):
    world.version(world.model())
    world.data()
    body = json.dumps({"kind": "fairness", "dataset": "applications", "config": config})
    answer = caller(user="vera").post(RUNS, body)
    if "1e400" in body or "Infinity" in body:
        assert answer.status_code == 400
        return
    assert answer.status_code == 422, answer.content
    (pointer,) = pointers(answer)
    assert pointer.startswith("/config")
    assert len(answer.content) < 3000
    assert not EvidenceRun.objects.exists()


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("robustness", {"monotonic": {"\x00": 1}}),
        ("robustness", {"monotonic": {"d" * 5001: 1}}),
        ("data_quality", {"reference_shares": {"a\ud800": {}}}),
        ("data_quality", {"reference_shares": {"a": {"\x00": 1}}}),
        ("drift", {"reference_dataset": "\x00/1"}),
        ("performance", {"cost_false_positive": float("nan")}),
        ("performance", {"cost_false_positive": float("inf")}),
    ],
)
def test_names_in_settings_are_text_that_can_be_stored(world, kind, config):
    version, data = world.version(world.model()), world.data()
    with pytest.raises(CannotMeasure):
        ask(world, version, data, kind=kind, config=config)


def test_whole_numbers_are_the_same_question_however_they_are_written(world):
    version, data = world.version(world.model()), world.data()
    runs = [ask(world, version, data, config={"seed": seed}) for seed in (7, 7.0)]
    assert runs[0] == runs[1]
    assert type(runs[0].config["seed"]) is int
    assert type(ask(world, version, data, config={"seed": 8.0}).config["seed"]) is int


def test_a_list_of_runs_costs_few_queries_and_reads_no_document(caller, world):
    version, data = world.version(world.model()), world.data()
    reader = caller(user="ines")
    world.measured(version, data)
    with CaptureQueriesContext(connection) as few:
        assert len(reader.get(RUNS).json()) == 3
    for _ in range(4):
        world.measured(version, data)
    with CaptureQueriesContext(connection) as more:
        found = reader.get(RUNS).json()
    assert len(found) == 15
    assert "measurements" not in found[0]["report"], "there may be thousands"
    assert reader.get(f"evidence-runs/{found[0]['id']}").json()["report"][
        "measurements"
    ]
    assert len(more) == len(few)
    assert not any('"document"' in query["sql"] for query in more)


def test_a_report_that_is_known_already_is_not_sent_again(caller, world):
    version, data = world.version(world.model()), world.data()
    world.measured(version, data)
    run = EvidenceRun.objects.first()
    reader = caller(user="ines")
    whole = reader.get(f"evidence-runs/{run.pk}/report")
    tag = whole.headers["ETag"]
    assert tag == f'"{run.report.sha256}"'
    headers = {"If-None-Match": tag}
    assert reader.get(f"evidence-runs/{run.pk}/report", **headers).status_code == 304
    headers = {"If-None-Match": '"other"'}
    assert reader.get(f"evidence-runs/{run.pk}/report", **headers).status_code == 200


def test_a_key_gives_one_run_also_when_it_is_asked_again(caller, world):
    version, data = world.version(world.model()), world.data()
    world.measured(version, data)
    asker = caller(user="vera")
    body = {"kind": "fairness", "dataset": "applications", "again": True}
    key = {"Idempotency-Key": "one"}
    first, second = (asker.post(RUNS, body, **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert EvidenceRun.objects.filter(state="pending").count() == 1


def test_a_token_for_other_models_reads_and_cancels_no_run(caller, world):
    run = ask(world, world.version(world.model()), world.data())
    other = caller(user="vera", models_pattern="other-*")
    address = f"evidence-runs/{run.pk}"
    assert other.get(address).status_code == 403
    assert other.get(f"{address}/report").status_code == 403
    assert other.post(f"{address}/cancellation", {}).status_code == 403
    assert other.get(RUNS).status_code == 403


def test_no_page_is_cancelled_by_reading_it_and_none_by_a_stranger(world, client):
    run = ask(world, world.version(world.model()), world.data())
    client.force_login(world.vera)
    assert client.get(f"/evidence/{run.pk}/cancel").status_code == 405
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(world.vera)
    assert strict.post(f"/evidence/{run.pk}/cancel").status_code == 403
    client.force_login(world.ines)
    assert client.post(f"/evidence/{run.pk}/cancel").status_code == 403
    run.refresh_from_db()
    assert run.state == "pending"


def part_files(run: EvidenceRun) -> bool:
    return default_storage.exists(f"evidence/{run.pk}")


def test_scores_of_a_run_that_is_cancelled_between_its_parts_are_removed(
    world, settings
):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, world.version(world.model()), world.data())
    for _ in range(2):
        execution.execute_next()
    assert part_files(run)
    evidence.cancel_run(run=run, by=world.vera, at=timezone.now())
    assert execution.execute_next() == 0
    assert not part_files(run)
    assert not run.parts.exclude(scores_name="").exists()


def test_scores_that_a_killed_worker_wrote_last_are_removed(
    world, settings, monkeypatch
):
    settings.FREIGABE_EVIDENCE_PART_ROWS = 50
    run = ask(world, world.version(world.model()), world.data())
    execution.execute_next()

    def die(part, **_limits):
        execution.scores.keep(part, np.zeros(50))
        raise KeyboardInterrupt

    monkeypatch.setattr(execution.parts, "predict_part", die)
    with pytest.raises(KeyboardInterrupt):
        execution.execute_next()
    assert part_files(run)
    evidence.cancel_run(run=run, by=world.vera, at=timezone.now())
    assert execution.execute_next() == 0
    assert not part_files(run)
