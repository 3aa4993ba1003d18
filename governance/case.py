"""Everything that is judged about a version in an environment, gathered once."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Self

from audits.evidence import latest_reports
from audits.models import EvidenceReport
from governance import policy, risk
from governance.lifecycle import status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    PolicyPack,
    RiskAssessment,
    Signature,
    Status,
)
from registry.digests import canonical_json, sha256_hex, sha256_of_json
from registry.models import Artifact, Environment, ModelVersion

_JUDGED_FIELDS = (
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


@dataclass(frozen=True)
class Case:
    """A version, an environment and a moment, with all that decisions look at.

    `granted` is set by `as_granted`: the gate judges the request that led to the
    authorisation, while signers judge the newest one.
    """

    version: ModelVersion
    environment: Environment
    at: datetime
    granted: Authorisation | None = None

    def as_granted(self) -> Self:
        """The same case, seen from the authorisation that was granted, if any."""
        found = self.authorisation
        if found is None or self.granted is not None:
            return self
        # What was read for another request is read anew: caches are no fields.
        return replace(self, granted=found)

    @cached_property
    def artifact(self) -> Artifact | None:
        """The model file."""
        parts = self.version.version_artifacts.select_related("artifact")
        part = parts.filter(role="model").first()
        return part.artifact if part else None

    @cached_property
    def assessment(self) -> RiskAssessment | None:
        """The risk assessment that counts."""
        try:
            return risk.latest_assessment(self.version.model)
        except risk.NoAssessment:
            return None

    @cached_property
    def standing(self) -> risk.Standing:
        """The risk now: the tier that binds, what was decided on it, what is due."""
        return risk.standing_with(self.version.model, self.assessment, self.at)

    @property
    def tier(self) -> int:
        """The tier that binds now. Without an assessment the strictest."""
        return self.standing.tier

    @cached_property
    def pack_row(self) -> PolicyPack:
        """The pack in force. Raises `policy.NoPolicy`."""
        return policy.current_pack(at=self.at)

    @cached_property
    def pack(self) -> policy.Pack:
        """The pack in force, parsed."""
        return policy.parse(self.pack_row.document)

    @cached_property
    def reports(self) -> dict[str, EvidenceReport]:
        """The newest report of each kind."""
        return latest_reports(self.version)

    @cached_property
    def status(self) -> Status:
        """Where the version stands in its life cycle."""
        return status_of(self.version)

    @cached_property
    def request(self) -> ApprovalRequest | None:
        """The granted request, else the newest that was not taken back."""
        if self.granted is not None:
            return self.granted.request
        return (
            ApprovalRequest.objects.filter(
                version=self.version, environment=self.environment, withdrawal=None
            )
            .select_related("assessment", "pack", "version__model", "environment")
            .order_by("-sequence")
            .first()
        )

    @cached_property
    def signatures(self) -> list[Signature]:
        """All signatures on the request, in order of time."""
        if self.request is None:
            return []
        return list(
            self.request.signatures.select_related("signed_by", "delegation__delegator")
        )

    @cached_property
    def authorisation(self) -> Authorisation | None:
        """The newest authorisation, whatever its state."""
        return self.granted or (
            Authorisation.objects.filter(
                version=self.version, environment=self.environment
            )
            .select_related("request__pack", "request__assessment")
            .prefetch_related("changes")
            .order_by("-request__sequence")
            .first()
        )

    def subject(
        self,
        pack: PolicyPack,
        valid_until: datetime | None,
        evidence: dict[str, str] | None = None,
    ) -> str:
        """Canonical JSON of everything that a signature judges, each by digest.

        `evidence` stands in for the digests of the newest reports.
        """
        model = self.version.model
        judged: dict[str, Any] = {name: getattr(model, name) for name in _JUDGED_FIELDS}
        for name in ("owner_id", "developer_id", "valid_from", "valid_until"):
            judged[name] = str(getattr(model, name) or "")
        assessment = self.assessment
        return canonical_json(
            {
                "model": model.slug,
                "version": self.version.version,
                "version_sha256": self.version.sha256,
                "artifact_sha256": self.artifact.sha256 if self.artifact else None,
                "environment": self.environment.slug,
                "inventory_sha256": sha256_of_json(judged),
                "assessment": None
                if assessment is None
                else {
                    "id": str(assessment.id),
                    "score": assessment.score,
                    "band": assessment.band,
                    "tier": assessment.tier,
                    **self._decided_on_tier(),
                },
                "evidence": self._digests() if evidence is None else evidence,
                "pack": {"id": f"{pack.slug} {pack.version}", "sha256": pack.sha256},
                "valid_until": valid_until.isoformat() if valid_until else None,
            }
        ).decode()

    def _decided_on_tier(self) -> dict[str, Any]:
        """What the second line decided on the tier; nothing where it did not."""
        standing = self.standing
        decided = [d for d in (standing.reduction, standing.override) if d]
        if not decided:
            return {}
        return {
            "tier_decisions": [str(d.pk) for d in decided],
            "tier_now": standing.tier,
        }

    def _digests(self) -> dict[str, str]:
        return {kind: report.sha256 for kind, report in self.reports.items()}

    @cached_property
    def subject_holds(self) -> bool:
        """Whether what was submitted is still what stands here now.

        A newer report voids a request that waits for signatures. A granted one it does
        not: the rules are applied to the newest reports at every question, so that
        monitoring does not shut the gate, but a report that fails a rule does.
        """
        request = self.request
        if request is None:
            return False
        judged = json.loads(request.subject)["evidence"] if self.granted else None
        now = self.subject(request.pack, request.valid_until, judged)
        return sha256_hex(now.encode()) == request.subject_sha256
