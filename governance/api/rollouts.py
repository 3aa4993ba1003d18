"""The gate as a web metric of Argo Rollouts (standards.md 2.9)."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.door import Door
from governance.api.gate import QuestionRecord, decide
from governance.patience import DECIDING_SECONDS


class Measured(serializers.Serializer[Any]):
    """What `jsonPath` picks from; `ok` is true for a permit and nothing else."""

    ok = serializers.BooleanField()
    approvalId = serializers.UUIDField(allow_null=True)  # noqa: N815
    expiresInSeconds = serializers.IntegerField()  # noqa: N815
    decisionId = serializers.UUIDField()  # noqa: N815
    reason = serializers.CharField()


_ANSWER = inline_serializer("MetricRecord", {"data": Measured()})


class Metric(Door):
    """`gate/metric`"""

    answers_within = DECIDING_SECONDS

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str)
            for name in ("model", "version", "digest", "environment")
        ],
        responses=_ANSWER,
    )
    def get(self, request: Request) -> Response:
        """Decide; 200 also for a denial, which a rollout reads as a failed one.

        An answer that is no decision is a problem, which a rollout counts as an error.
        """
        form = QuestionRecord(data=request.query_params)
        form.is_valid(raise_exception=True)
        row = decide(form.validated_data, request)
        failing = [c["title"] for c in row.checks if not c["passed"]]
        left = row.expires_at - row.decided_at if row.expires_at else None
        reason = (
            ""
            if row.allowed
            else _("Denied: %(checks)s.") % {"checks": "; ".join(failing)}
        )
        measured = {
            "ok": row.allowed,
            "approvalId": row.pk if row.allowed else None,
            "expiresInSeconds": max(0, int(left.total_seconds())) if left else 0,
            "decisionId": row.pk,
            "reason": reason,
        }
        return Response({"data": measured})
