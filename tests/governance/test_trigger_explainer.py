"""Trigger 16: another explainer or background asks for the reason codes anew."""

from audits.evaluators.base import Evaluation, Measurement
from audits.execution import store
from audits.measuring import Measured
from audits.models import EvidenceRun
from governance import findings, triggers
from governance.lifecycle import State, state_of
from governance.models import Authorisation
from governance.triggers.acting import Kind
from tests.governance.test_gate import approved
from tests.world import World, later


def explained(world: World, version, at, **summary) -> None:
    run = EvidenceRun.objects.create(
        version=version,
        kind="explainability",
        dataset_version=version.evidence_runs.first().dataset_version,
        requested_by=world.vera,
        requested_at=at,
        state=EvidenceRun.State.RUNNING,
    )
    evaluation = Evaluation(
        measurements=(Measurement("importance_stability", 0.97),), summary=summary
    )
    measured = Measured(evaluation=evaluation, artifact_sha256="0" * 64, sandbox="test")
    store(run=run, measured=measured, at=at)


def test_another_background_is_a_finding_for_30_days_and_stops_nothing(world):
    version = approved(world)
    explained(world, version, later(hours=1), background_sha256="a" * 64)
    explained(world, version, later(hours=2), background_sha256="b" * 64)
    events = triggers.run(later(hours=3))
    [event] = [e for e in events if e.kind == Kind.EXPLAINER_CHANGE]
    assert event.finding.version == version
    found = findings.open_of(version, later(hours=3))
    assert [row.due_on for row in found] == [later(days=30, hours=3).date()]
    assert state_of(Authorisation.objects.get()) == State.ACTIVE


def test_the_same_explainer_again_is_no_cause(world):
    version = approved(world)
    for hours in (1, 2):
        explained(world, version, later(hours=hours), background_sha256="a" * 64)
    kinds = {event.kind for event in triggers.run(later(hours=3))}
    assert Kind.EXPLAINER_CHANGE not in kinds
