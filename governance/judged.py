"""Parts of what a signature judges: the record, the tier, the change plan."""

from typing import Any

from governance import planned
from governance.models import ChangePlan, ChangeRecord, RiskAssessment
from governance.risk import Standing
from registry.digests import sha256_of_json
from registry.models import RegisteredModel

FIELDS = (
    "purpose",
    "products",
    "expected_use",
    "actual_use",
    "restrictions",
    "limitations",
    "inputs",
    "outputs",
    "components",
    "affected_people",
    "affects_people",
    "ai_system",
    "vendor",
    "jurisdictions",
    "ai_act_class",
    "personal_data",
    "is_model",
    "generative",
    "exposure",
    "purpose_class",
    "third_party_components",
    "ai_act_role",
    "annex_iii_point",
    "profiling",
    "art6_3_claimed",
    "art50_applicable",
    "fria_required",
    "dpia_required",
    "special_categories_used",
    "aedt",
    "aedt_output",
    "gxp",
    "credit",
)
# What may change after an approval without voiding it: the rules judge it anew.
MOVING = ("evidence", "attached", "findings", "waivers")


def inventory_sha256(model: RegisteredModel) -> str:
    """SHA-256 of what the inventory says of a model, as far as people judge it."""
    found: dict[str, Any] = {name: getattr(model, name) for name in FIELDS}
    for name in ("owner_id", "developer_id", "valid_from", "valid_until"):
        found[name] = str(getattr(model, name) or "")
    return sha256_of_json(found)


def decided_on_tier(
    standing: Standing, assessment: RiskAssessment | None
) -> dict[str, Any]:
    """What the second line decided on the tier, and the tier where it is another
    than assessed: a warning of an old tier may forbid in the new one."""
    decided = [d for d in (standing.reduction, standing.override) if d]
    assessed = assessment.tier if assessment else standing.tier
    if not decided and standing.tier == assessed:
        return {}
    return {
        "tier_decisions": [str(d.pk) for d in decided],
        "tier_now": standing.tier,
    }


def change(
    plan: ChangePlan | None, record: ChangeRecord | None, *, light_path: bool
) -> dict[str, Any]:
    """The plan that comes with the version, or the one that it falls under."""
    found: dict[str, Any] = {}
    if plan:
        found["change_plan"] = planned.digest(plan)
    if record:
        found["change"] = {
            "record_sha256": planned.record_digest(record),
            "plan_sha256": planned.digest(record.plan),
            "light_path": light_path,
        }
    return found
