"""The threshold explorer: stored counts answer what the evaluator would."""

import json

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from audits.evaluators import fairness, performance
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun
from governance.web.exploring import GAPS, Explored, explored, spans
from governance.web.limits import Limit
from governance.web.looks import Look
from tests.world import NOW

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def people(rows: int = 900, seed: int = 0):
    """Invented truth, scores and groups, of which one is tiny."""
    random = np.random.default_rng(seed)
    target = random.integers(0, 2, rows)
    scores = np.clip(0.25 + 0.5 * target + random.normal(0, 0.2, rows), 0, 1)
    sex = np.where(random.random(rows) < 0.4, "f", "m").astype(object)
    town = random.choice(["a", "b", "tiny"], rows, p=[0.6, 0.39, 0.01]).astype(object)
    return target, scores, {"sex": sex, "town": town}


def measured(threshold=0.43, favourable=1, small="refuse", **more):
    target, scores, groups = people()
    config = {
        "threshold": threshold,
        "favourable": favourable,
        "small_groups": small,
        "bootstrap_rounds": 100,
    }
    return fairness.evaluate(
        target=target, scores=scores, sensitive=groups, config=config, **more
    )


def read(evaluation) -> Explored:
    kept = explored(json.dumps({"summary": dict(evaluation.summary)}))
    assert kept is not None
    return kept


@pytest.mark.parametrize("favourable", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.283, 0.43, 1.0])
@pytest.mark.parametrize("small", ["refuse", "leave out"])
def test_at_the_threshold_in_force_it_says_what_the_report_says(
    favourable, threshold, small
):
    found = measured(threshold, favourable, small)
    kept = read(found)
    place = kept.place(threshold)
    assert kept.thresholds[place] == threshold
    assert [one.name for one in kept.features] == ["sex", "town", "sex,town"]
    for feature in kept.features:
        labels = [
            word if "," in feature.name else f"{feature.name}={word}"
            for word in feature.words
        ]
        for name in RATES:
            rates = kept.of_groups(feature, name, place)
            for label, here in zip(labels, rates, strict=True):
                there = found.get(f"{name}[{label}]")
                assert (here.value, here.lower, here.upper, here.because) == (
                    there.value,
                    there.lower,
                    there.upper,
                    there.because,
                )
        for name in (*GAPS, "demographic_parity_ratio"):
            here = kept.gap(feature, name, place)
            there = found.get(f"{name}[{feature.name}]")
            assert here.value == there.value
            assert bool(here.because) == bool(there.because)


@pytest.mark.parametrize("favourable", [0, 1])
def test_at_any_other_threshold_it_says_what_a_new_run_would(favourable):
    kept = read(measured(0.5, favourable))
    for threshold in (0.2, 0.61):
        anew = measured(threshold, favourable)
        place = kept.place(threshold)
        for feature in kept.features:
            for name in GAPS:
                value = anew.get(f"{name}[{feature.name}]").value
                assert kept.gap(feature, name, place).value == value
                drawn = kept.gaps(feature, name)[place]
                assert (None if np.isnan(drawn) else drawn) == value


def test_a_performance_report_moves_too():
    target, scores, _groups = people()
    for threshold in (0.3, 0.5):
        found = performance.evaluate(
            target=target,
            scores=scores,
            config={"threshold": threshold, "bootstrap_rounds": 100},
        )
        kept = read(found)
        assert kept.features == ()
        here = kept.overall("accuracy", kept.place(threshold))
        assert here.value == found.get("accuracy").value
        other = kept.overall("accuracy", kept.place(0.4))
        assert other.value == np.mean((scores >= 0.4) == (target == 1))
        limits = {"recall": Limit(low=0.9), "roc_auc": Limit(low=0.7)}
        assert kept.bound(limits) == ["recall"]
        for name in ("recall", "specificity", "precision"):
            here = kept.overall(name, kept.place(threshold))
            assert here.value == found.get(name).value
        recall = [np.mean(scores[target == 1] >= at) for at in kept.thresholds]
        assert kept.keeps(limits).tolist() == [value >= 0.9 for value in recall]


def test_of_small_groups_no_counts_are_kept():
    counts = measured().summary["threshold_counts"]
    (town,) = (one for one in counts["features"] if one["feature"] == "town")
    tiny = next(one for one in town["groups"] if one["group"] == "tiny")
    assert set(tiny) == {"group", "rows"}
    assert read(measured()).feature("town").small == [("tiny", tiny["rows"])]


def test_without_truth_no_counts_are_kept():
    _target, scores, groups = people()
    found = fairness.evaluate(target=None, scores=scores, sensitive=groups)
    assert explored(json.dumps({"summary": dict(found.summary)})) is None


@given(st.lists(st.booleans(), max_size=30))
def test_stretches_hold_exactly_what_is_kept(kept):
    places = list(range(len(kept)))
    found = spans(kept, places)
    told = [at for low, high in found for at in range(low, high + 1)]
    assert told == [at for at, keeps in zip(places, kept, strict=True) if keeps]


def test_limits_hold_where_every_feature_keeps_them():
    target, scores, groups = people()
    found = fairness.evaluate(
        target=target, scores=scores, sensitive={"sex": groups["sex"]}
    )
    kept = read(found)
    limits = {"demographic_parity_difference": Limit(high=0.02)}
    held = kept.keeps(limits)
    gaps = kept.gaps(kept.features[0], "demographic_parity_difference")
    assert held.tolist() == (gaps <= 0.02).tolist()
    assert held.any()
    assert not held.all()
    look = Look(kept, limits, int(np.argmin(held)), kept.features[0])
    assert len(look.broken) == 1
    assert look.broken[0] in look.summary


@pytest.fixture
def run(world) -> EvidenceRun:
    """A fairness run that has ended with a report."""
    version = world.version(world.model(name="Mortgage <b>"))
    return finished(world, version, "fairness", measured())


def finished(world, version, kind, evaluation, *, data=None, at=NOW) -> EvidenceRun:
    """A run that a worker has measured."""
    run = EvidenceRun.objects.create(
        version=version,
        kind=kind,
        dataset_version=data or world.data(f"data-{EvidenceRun.objects.count()}"),
        requested_by=world.vera,
        requested_at=at,
        state=EvidenceRun.State.RUNNING,
    )
    answer = Measured(
        evaluation=evaluation, artifact_sha256="0" * 64, sandbox="bubblewrap"
    )
    store(run=run, measured=answer, at=at)
    return run


def seen(world, run, query="", **headers):
    browser = Client()
    browser.force_login(world.rita)
    address = reverse("web:threshold", args=[run.pk]) + query
    answer = browser.get(address, **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_threshold_is_written_with_the_comma_of_the_language(world, run):
    german = seen(world, run, "?threshold=0,61", HTTP_ACCEPT_LANGUAGE="de")
    assert "Schwelle 0,610" in german
    assert 'value="0,61"' in german
    assert 'value="0,43"' in seen(world, run, HTTP_ACCEPT_LANGUAGE="de")
    assert "errorlist" in seen(world, run, "?threshold=0,61")


def test_a_point_that_may_part_thousands_is_asked_about(world, run):
    german = seen(world, run, "?threshold=1.000", HTTP_ACCEPT_LANGUAGE="de")
    assert "auf zwei Arten lesen" in german
    assert "Schwelle 0,610" in seen(
        world, run, "?threshold=0.610", HTTP_ACCEPT_LANGUAGE="de"
    )


def test_the_page_answers_without_javascript(world, run):
    text = seen(world, run, "?threshold=0.6&feature=town")
    assert 'name="threshold"' in text
    assert 'value="0.6"' in text
    assert "Threshold 0.600, in force 0.430" in text
    assert "Groups by town" in text
    assert "Mortgage &lt;b&gt;" in text
    assert "<b>" not in text.replace("<body>", "")
    part = seen(world, run, "?threshold=0.6", HTTP_HX_REQUEST="true")
    assert "Threshold 0.600" in part
    assert "<html" not in part


def test_only_performance_and_fairness_have_the_page(world):
    version = world.version(world.model())
    found = performance.evaluate(
        target=np.array([0, 1] * 20), scores=np.linspace(0, 1, 40)
    )
    run = finished(world, version, "robustness", found)
    browser = Client()
    browser.force_login(world.rita)
    answer = browser.get(reverse("web:threshold", args=[run.pk]))
    assert answer.status_code == 404


def test_a_browser_keeps_the_part_and_the_page_apart(world, run):
    browser = Client()
    browser.force_login(world.rita)
    answer = browser.get(reverse("web:threshold", args=[run.pk]))
    assert "HX-Request" in answer["Vary"]


@pytest.mark.parametrize("asked", ["2", "-1", "nan", "inf", "x", "", "1e400"])
def test_what_is_no_threshold_is_said_beside_the_form(world, run, asked):
    text = seen(world, run, f"?threshold={asked}&feature=nothing")
    assert "errorlist" in text
    assert "Threshold 0.430, in force 0.430" in text


def test_a_threshold_between_two_is_told(world, run):
    assert "The nearest threshold with counts" in seen(world, run, "?threshold=0.4321")
    assert "The nearest threshold with counts" not in seen(world, run, "?threshold=0.4")


def test_a_report_without_counts_says_how_to_get_them(world):
    version = world.version(world.model())
    target, scores, groups = people()
    bare = fairness.evaluate(target=None, scores=scores, sensitive=groups)
    run = finished(world, version, "fairness", bare)
    assert "keeps no counts by threshold" in seen(world, run)


def test_the_page_of_the_report_leads_there(world, run):
    browser = Client()
    browser.force_login(world.rita)
    text = browser.get(reverse("web:evidence", args=[run.pk])).content.decode()
    assert reverse("web:threshold", args=[run.pk]) in text


def test_moving_asks_the_database_no_more_of_many_groups(world, run):
    counted = []
    for query in ("?threshold=0.5", "?threshold=0.5&feature=sex,town"):
        seen(world, run, query)
        with CaptureQueriesContext(connection) as found:
            seen(world, run, query)
        counted.append(len([q for q in found if "django_migrations" not in q["sql"]]))
    assert counted[0] == counted[1]
