"""A bank that is open in a browser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from playwright.sync_api import Page

from audits import log
from audits.evaluators import fairness, performance
from audits.evaluators.base import Evaluation
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun
from governance import approvals, gate, registration
from governance.models import ApprovalRequest
from registry.models import ModelVersion
from tests.world import PASSWORD, World, later, log_verified


@dataclass(frozen=True)
class Bank:
    """The world, what happened in it, and the address of its pages."""

    world: World
    version: ModelVersion
    request: ApprovalRequest
    url: str


@pytest.fixture
def bank(live, monkeypatch) -> Bank:
    """A measured version that waits for signatures, and one answer of the gate."""
    monkeypatch.setattr(timezone, "now", lambda: later(hours=1))
    world = World()
    registration.register_environment(slug="test", name="Test", by=world.ola)
    model = world.model(name="Mortgage approval <b>", jurisdictions=["US"])
    version = world.version(model)
    world.measured(version, world.data())
    for kind, evaluation in _evaluations().items():
        finish(asked(world, version, kind), evaluation)
    world.assessed(model)
    now = timezone.now()
    request = approvals.submit(
        version=version, environment=world.production, by=world.anna, at=now
    )
    log_verified(now)
    question = gate.Question("production", model.slug, version.version)
    gate.decide(question=question, by=world.ola, at=now)
    log.advance(at=now)
    return Bank(world, version, request, live.url)


def _evaluations() -> dict[str, Evaluation]:
    """Real answers of the evaluators to invented predictions."""
    random = np.random.default_rng(0)
    target = random.integers(0, 2, 400)
    scores = np.clip(0.25 + 0.5 * target + random.normal(0, 0.2, 400), 0.01, 0.99)
    groups = np.where(random.random(400) < 0.4, "yes", "no").astype(object)
    return {
        "performance": performance.evaluate(target=target, scores=scores),
        "fairness": fairness.evaluate(
            target=target, scores=scores, sensitive={"afam": groups}
        ),
    }


def asked(world: World, version: ModelVersion, kind: str) -> EvidenceRun:
    """A run that a worker has begun."""
    return EvidenceRun.objects.create(
        version=version,
        kind=kind,
        dataset_version=world.data(f"data-{EvidenceRun.objects.count()}"),
        requested_by=world.vera,
        requested_at=timezone.now(),
        state=EvidenceRun.State.RUNNING,
        progress=0.4,
        step="predicting",
    )


def finish(run: EvidenceRun, evaluation: Evaluation) -> None:
    """What the worker does at the end."""
    measured = Measured(
        evaluation=evaluation, artifact_sha256="0" * 64, sandbox="bubblewrap"
    )
    store(run=run, measured=measured, at=timezone.now())


@pytest.fixture
def evaluations() -> dict[str, Evaluation]:
    """Real answers of the evaluators."""
    return _evaluations()


@pytest.fixture
def enter(bank: Bank) -> Callable[[Any, str], None]:
    """Log somebody in through the page."""

    def log_in(page: Page, name: str) -> None:
        page.goto(f"{bank.url}/account/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        # Who does not read the inventory begins elsewhere than at the portfolio.
        page.wait_for_url(lambda address: "/account/login/" not in address)

    return log_in
