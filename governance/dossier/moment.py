"""A version as it stood at a moment, by the times that facts name themselves."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Prefetch

from audits.evidence import latest_reports
from audits.models import EvidenceReport
from governance.case import Case
from governance.models import (
    ApprovalRequest,
    Authorisation,
    AuthorisationChange,
    RiskAssessment,
    Signature,
    Status,
)
from registry.models import Environment, ModelVersion


@dataclass(frozen=True)
class PastCase(Case):
    """The case as it stood at `at`: nothing that was recorded later is in it."""

    @cached_property
    def assessment(self) -> RiskAssessment | None:
        """The risk assessment that counted then."""
        return (
            self.version.model.risk_assessments.filter(assessed_at__lte=self.at)
            .select_related("matrix", "assessed_by")
            .order_by("-sequence")
            .first()
        )

    @cached_property
    def reports(self) -> dict[str, EvidenceReport]:
        """The newest report of each kind, as of then."""
        return latest_reports(self.version, until=self.at)

    @cached_property
    def status(self) -> Status:
        """Where the version stood in its life cycle."""
        moves = self.version.status_changes.filter(moved_at__lte=self.at)
        latest = moves.order_by("-sequence").first()
        return Status(latest.status) if latest else Status.DEVELOPMENT

    @cached_property
    def request(self) -> ApprovalRequest | None:
        """The granted request, else the newest that was not taken back by then."""
        if self.granted is not None:
            return self.granted.request
        return (
            ApprovalRequest.objects.filter(
                version=self.version,
                environment=self.environment,
                requested_at__lte=self.at,
            )
            .exclude(withdrawal__withdrawn_at__lte=self.at)
            .select_related("assessment", "version__model", "environment")
            .order_by("-sequence")
            .first()
        )

    @cached_property
    def signatures(self) -> list[Signature]:
        """The signatures on the request by then, in order of time."""
        if self.request is None:
            return []
        signed = self.request.signatures.filter(signed_at__lte=self.at)
        return list(signed.select_related("signed_by"))

    @cached_property
    def authorisation(self) -> Authorisation | None:
        """The newest authorisation that had begun, whatever its state."""
        changes = AuthorisationChange.objects.filter(changed_at__lte=self.at)
        return self.granted or (
            Authorisation.objects.filter(
                version=self.version,
                environment=self.environment,
                valid_from__lte=self.at,
            )
            .select_related("request__assessment")
            .prefetch_related(Prefetch("changes", queryset=changes))
            .order_by("-request__sequence")
            .first()
        )


def environments_of(version: ModelVersion, *, at: datetime) -> list[Environment]:
    """The environments for which somebody asked, or all when nobody did."""
    asked = {
        *version.approval_requests.filter(requested_at__lte=at).values_list(
            "environment", flat=True
        ),
        *version.deployments.filter(reported_at__lte=at).values_list(
            "environment", flat=True
        ),
    }
    found = Environment.objects.order_by("name", "slug")
    return list(found.filter(pk__in=asked) if asked else found)
