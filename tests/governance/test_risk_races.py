"""Decisions on risk at the same moment: one counts, the other is told why not."""

import functools
from collections.abc import Callable
from typing import Any

from governance import assessing, matrix_publishing, risk
from governance.matrix_publishing import CannotPublish
from governance.models import MatrixDraft, RiskAssessment, RiskMatrix, TierDecision
from governance.tier_decisions import CannotDecide
from registry.models import Role
from tests.governance import racing
from tests.governance.test_matrix_publishing import PROOF, THREE, draft, own
from tests.governance.test_tier_decisions import assessed, override
from tests.world import NOW


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What came of each, done at the same moment."""
    return racing.at_once((CannotDecide, CannotPublish), *works)


def test_two_overrides_at_once_are_one(stage):
    row = assessed(stage)
    came = at_once(*(functools.partial(override, row, t, stage.cora) for t in (1, 3)))
    decision = TierDecision.objects.get()
    assert decision in came
    [refused] = [c for c in came if isinstance(c, CannotDecide)]
    assert "take that back first" in str(refused)
    assert risk.standing_of(row.model, NOW).tier == decision.tier


def test_two_assessments_at_once_are_numbered_one_after_the_other(stage):
    model = stage.model(ai_act_class="minimal")
    assess = functools.partial(
        assessing.assess,
        model=model,
        impact=4,
        rationale="Harm.",
        by=stage.rita,
        at=NOW,
    )
    at_once(*(functools.partial(assess, likelihood=n) for n in (1, 2, 3)))
    rows = RiskAssessment.objects.order_by("sequence")
    assert [row.sequence for row in rows] == [1, 2, 3]


def test_a_draft_published_by_two_at_once_is_one_matrix(stage):
    row = draft(stage, own(THREE))
    seen = matrix_publishing.preview(row, at=NOW).sha256
    other = stage.people["carl"]
    other.role_assignments.create(role=Role.COMPLIANCE, granted_at=NOW)
    publish = functools.partial(
        matrix_publishing.publish, preview_sha256=seen, proof=PROOF, at=NOW
    )
    came = at_once(
        *(
            functools.partial(
                publish, draft=MatrixDraft.objects.get(pk=row.pk), by=person
            )
            for person in (stage.cora, other)
        )
    )
    assert RiskMatrix.objects.filter(slug="house").count() == 1
    assert len([c for c in came if isinstance(c, CannotPublish)]) == 1
