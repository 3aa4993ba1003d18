"""Pages of evidence: figures with their words, drift over time, progress."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audits.evaluators.base import Evaluation, Measurement
from audits.models import EvidenceRun
from governance.web import telling
from governance.web.limits import Limit
from tests.governance.test_threshold_explorer import finished, measured
from tests.world import NOW, World

VERSION = ("mortgage-approval", "1")


def text_of(world: World, address: str, **headers: str) -> str:
    browser = Client()
    browser.force_login(world.rita)
    answer = browser.get(address, **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def drift(index: float, features: int = 2) -> Evaluation:
    """What a drift run answers."""
    single = [
        Measurement("psi", index / at, 0.0, index + 0.1, n=900, group=f"feature=f{at}")
        for at in range(1, features + 1)
    ]
    overall = [
        Measurement("psi_largest", index, n=900),
        Measurement("drifted_features", 1.0, n=900),
        Measurement("score_psi", None, n=9, because="too few rows"),
    ]
    return Evaluation((*overall, *single), summary={"drift": []})


@pytest.fixture
def version(world):
    return world.version(world.model(name="Mortgage <b>"))


def test_figures_of_fairness_say_what_the_limit_is_and_what_small_groups_mean(
    world, version
):
    run = finished(world, version, "fairness", measured())
    text = text_of(world, reverse("web:evidence", args=[run.pk]))
    assert "Measured was how often people of each group" in text
    assert "Of tiny (" in text
    assert "The smallest group, tiny, has" in text
    assert text.count('role="img"') == text.count("<figure>")


@pytest.mark.parametrize(
    ("value", "upper", "high", "told"),
    [
        (0.1, 0.14, 0.15, ["The limit ≤ 0.15 holds."]),
        (0.1, 0.3, 0.15, ["The limit ≤ 0.15 holds.", "it may hold by chance"]),
        (0.2, 0.3, 0.15, ["It breaks ≤ 0.15."]),
        (None, None, 0.15, ["not estimable", "It breaks ≤ 0.15."]),
    ],
)
def test_words_hold_a_number_against_its_limit(value, upper, high, told):
    lower = None if upper is None else 0.0
    row = type("Row", (), {"name": "ece", "group": "", "value": value})()
    row.lower, row.upper = lower, upper
    said = " ".join(telling.words("calibration", {}, [row], {"ece": Limit(high=high)}))
    assert all(one in said for one in told)
    assert ("chance" in said) == (told[-1] == "it may hold by chance")


def test_a_case_tells_the_reasons_that_count_against_the_person():
    parts = [
        {"feature": "debt", "value": "0.4", "shap": 2.0},
        {"feature": "age", "value": None, "shap": 0.5},
        {"feature": "income", "value": "9", "shap": -1.0},
    ]
    case = {"case": "highest", "row": 3, "score": 0.9, "contributions": parts}
    reasons = {
        "threshold": 0.5,
        "favourable": 0,
        "at_most": 4,
        "main": [{"feature": "debt", "label_en": "Debt ratio", "label_de": "Schulden"}],
    }
    summary = {"cases": [case], "reasons": reasons}
    said = " ".join(telling.words("waterfall-highest", summary, [], {}))
    assert "Reason codes of the adverse outcome: 1. Debt ratio (0.4), 2. age." in said
    reasons["favourable"] = 1
    said = " ".join(telling.words("waterfall-highest", summary, [], {}))
    assert "no reasons need to be given" in said


def test_drift_is_told_run_by_run(world, version):
    address = reverse("web:drift", args=VERSION)
    assert "No drift was measured yet" in text_of(world, address)
    for at, index in enumerate((0.05, 0.3)):
        finished(world, version, "drift", drift(index), at=NOW + timedelta(days=at))
    text = text_of(world, address)
    assert "By rule of thumb: large." in text
    assert "Before: 0.050." in text
    assert "not estimable" in text
    assert text.count('<figure class="curve">') == 5
    assert "Mortgage &lt;b&gt;" in text


def test_drift_of_more_runs_asks_the_database_no_more(world, version):
    address = reverse("web:drift", args=VERSION)
    data = world.data("now")
    for day in range(2):
        finished(
            world,
            version,
            "drift",
            drift(0.1),
            data=data,
            at=NOW + timedelta(days=day),
        )
    few = queries(world, address)
    for day in range(2, 15):
        finished(
            world,
            version,
            "drift",
            drift(0.1, features=9),
            data=data,
            at=NOW + timedelta(days=day),
        )
    assert queries(world, address) == few
    text = text_of(world, address)
    assert "The newest 12 runs." in text
    assert text.count('<figure class="curve">') == 3 + 6


def queries(world: World, address: str) -> int:
    text_of(world, address)
    with CaptureQueriesContext(connection) as found:
        text_of(world, address)
    return len([q for q in found if "django_migrations" not in q["sql"]])


def test_progress_is_said_only_when_it_changes(world, version):
    run = EvidenceRun.objects.create(
        version=version,
        kind="fairness",
        dataset_version=world.data(),
        requested_by=world.vera,
        requested_at=NOW,
        state=EvidenceRun.State.RUNNING,
        progress=0.47,
        step="predicting",
    )
    address = reverse("web:progress", args=[run.pk])
    told = text_of(world, address, HTTP_HX_REQUEST="true")
    assert "predicting, 40 %</p>" in told
    assert 'hx-swap-oob="innerHTML"' in told
    again = text_of(world, f"{address}?heard=Running: predicting, 40 %25")
    assert "hx-swap-oob" not in again
    assert "47 %" in again
    page = text_of(world, reverse("web:evidence", args=[run.pk]))
    assert page.count('role="status"') == 1
    assert 'http-equiv="refresh"' in page


def test_numbers_that_a_chart_lacks_are_dashes_in_its_table(world, version):
    random = np.random.default_rng(1)
    points = [
        {"feature": "f", "level": None, "shap": float(v), "value": "x"}
        for v in random.normal(size=5)
    ]
    found = Evaluation(
        (Measurement("importance_stability", 0.9),), summary={"beeswarm": points}
    )
    run = finished(world, version, "explainability", found)
    text = text_of(world, reverse("web:evidence", args=[run.pk]))
    assert "Mean where the feature is low" in text
    assert "<td>–</td><td>–</td></tr>" in text
