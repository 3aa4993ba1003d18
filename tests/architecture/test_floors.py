"""No table of a lower floor points up, and the log guards what must not change."""

from django.apps import apps

FLOORS = {"registry": 0, "audits": 1, "governance": 2}


def test_no_model_of_a_lower_floor_points_up():
    for model in apps.get_models():
        floor = FLOORS.get(model._meta.app_label)
        if floor is None:
            continue
        for field in model._meta.get_fields():
            if field.is_relation and not field.auto_created and field.related_model:
                target = FLOORS.get(field.related_model._meta.app_label, -1)
                assert target <= floor, f"{model.__name__}.{field.name} points up"


def test_evidence_decisions_and_signatures_are_append_only():
    names = {
        "EvidenceReport",
        "Measurement",
        "RiskAssessment",
        "PolicyPack",
        "ApprovalRequest",
        "Signature",
        "Authorisation",
        "AuthorisationChange",
        "GateDecision",
        "StatusChange",
        "ModelVersion",
        "Artifact",
        "Deployment",
    }
    ours = [m for m in apps.get_models() if m._meta.app_label in FLOORS]
    kept = {m.__name__ for m in ours if getattr(m, "append_only", False)}
    assert names <= kept
