"""Everything that is judged about a version in an environment, gathered once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

from django.utils.translation import gettext as _

from audits.evidence import latest_reports
from audits.models import EvidenceReport
from governance import declared, judged, planned, policy, risk, separation, signatures
from governance.lifecycle import status_of
from governance.models import (
    ApprovalRequest,
    Authorisation,
    RiskAssessment,
    Signature,
    Status,
    Waiver,
)
from governance.policy.values import of_model
from governance.surroundings import Surroundings
from governance.waived import concerning, of_rules
from registry.digests import canonical_json, sha256_hex
from registry.models import Artifact, Environment, ModelVersion, VersionDataset


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
        return replace(self, granted=found).knowing(around=self.around)

    def knowing(self, **parts: Any) -> Self:
        """The same case, with properties that were read already, for many at once."""
        vars(self).update(parts)
        return self

    @cached_property
    def artifact(self) -> Artifact | None:
        """The model file."""
        parts = self.version.version_artifacts.select_related("artifact")
        part = parts.filter(role="model").first()
        return part.artifact if part else None

    @cached_property
    def data(self) -> list[VersionDataset]:
        """The data sets that it learned from and was tested on."""
        links = self.version.version_datasets
        return list(links.select_related("dataset_version"))

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
        return risk.standing_with(
            self.version.model,
            self.assessment,
            self.at,
            decided=not self.around.none("tier_decisions"),
            demanded=not self.around.none("demands"),
        )

    @property
    def tier(self) -> int:
        """The tier that binds now. Without an assessment the strictest."""
        return self.standing.tier

    @cached_property
    def shelf(self) -> policy.Shelf:
        """All that had been published by then."""
        return policy.shelf(
            at=self.at,
            ended=not self.around.none("pack_ends"),
            adopted=not self.around.none("early_adoptions"),
        )

    @cached_property
    def packs(self) -> tuple[policy.Applying, ...]:
        """The packs that apply, by slug. Raises `policy.NoPolicy` when none does.

        What was granted is judged by the versions that its grandfathering leaves.
        """
        granted_at = self.granted.valid_from if self.granted else None
        found = self.shelf.in_force(at=self.at, granted_at=granted_at)
        if not found:
            raise policy.NoPolicy(_("No policy pack is in force."))
        packs = policy.applying(found, self.values)
        if not packs:
            raise policy.NoPolicy(
                _("None of the policy packs in force applies to this model.")
            )
        return packs

    @cached_property
    def rules(self) -> tuple[policy.Bound, ...]:
        """The rules that bind, of all packs. Raises `policy.NoPolicy`."""
        on = self.at.date()
        return policy.bound(self.packs, tier=self.tier, on=on, read=self.values)

    @property
    def max_days(self) -> int:
        """The longest authorisation, in days; 0 when no rule allows one."""
        tier = f"T{self.tier}"
        limits = [item["max_days"][tier] for item in self._evidence("approval")]
        return min(limits, default=0)

    @property
    def evidence_kinds(self) -> tuple[str, ...]:
        """The kinds of measured evidence that are asked for, in the order of rules."""
        measured = [
            item["type"].removesuffix("_report")
            for found in self.rules
            for item in found.rule.evidence
            if "measurement" in item
        ]
        return tuple(dict.fromkeys(measured))

    def _evidence(self, kind: str) -> list[Mapping[str, Any]]:
        """What the rules that bind ask of one type of evidence."""
        return [
            item
            for found in self.rules
            for item in found.rule.evidence
            if item["type"] == kind
        ]

    def values(self, names: frozenset[str]) -> dict[str, Any]:
        """The variables of conditions, those that are known (docs/policy.md)."""
        found = {}
        for name in names:
            known = (
                self._of_evidence(name)
                if name.startswith("evidence.")
                else self._model_values
            )
            if name in known:
                found[name] = known[name]
        return found

    @cached_property
    def _model_values(self) -> Mapping[str, Any]:
        scores = {}
        if self.assessment is not None:
            # A residual risk that nobody signed, or that lapsed, is a mere claim.
            signed = self.standing.reduction is not None and not self.standing.due
            inherent = self.assessment.score
            residual = self.assessment.residual_score if signed else None
            scores = {
                "inherent.score": inherent,
                "residual.score": inherent if residual is None else residual,
            }
        return {**of_model(self.version.model, tier=self.tier), **scores}

    def _of_evidence(self, name: str) -> Mapping[str, Any]:
        """A variable about evidence; the age of what is not there is unknown."""
        _family, kind, fact = name.split(".")
        made_on = self.evidence_days.get(kind)
        if fact != "age_days":
            return {name: made_on is not None}
        return {} if made_on is None else {name: (self.at.date() - made_on).days}

    @cached_property
    def evidence_days(self) -> dict[str, date]:
        """The day of the newest evidence that counts, by its type."""
        own = {
            f"{kind}_report": report.reported_at.date()
            for kind, report in self.reports.items()
        }
        return {**self.held.days(self.at.date()), **own}

    @cached_property
    def waivers(self) -> dict[str, Waiver]:
        """The active waiver of each waived rule."""
        about = concerning(self.around.waivers, self.version, self.environment)
        return of_rules(about)

    @cached_property
    def around(self) -> Surroundings:
        """What the records say around the version."""
        return Surroundings.of(self.version, self.at)

    @cached_property
    def hands(self) -> dict[str, str]:
        """Who may not sign the request, by id, and why; without a request nobody."""
        if self.request is None:
            return {}
        decided = not self.around.none("tier_decisions")
        askers = separation.askers(self.request, decided=decided)
        return {**self.around.hands, **askers}

    @cached_property
    def reports(self) -> dict[str, EvidenceReport]:
        """The newest report of each kind."""
        return latest_reports(self.version)

    @cached_property
    def held(self) -> declared.Held:
        """What people declared and attached that counts."""
        attached = not self.around.none("attachments")
        return declared.held(self.version, self.at, attached=attached)

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
            .select_related("assessment", "version__model", "environment")
            .order_by("-sequence")
            .first()
        )

    @cached_property
    def signatures(self) -> list[Signature]:
        """All signatures on the request, in order of time."""
        if self.request is None:
            return []
        return list(
            self.request.signatures.select_related(
                "signed_by", "delegation__delegator"
            ).order_by("signed_at", "pk")
        )

    @cached_property
    def holding(self) -> list[Signature]:
        """Those that reject nothing and stand on the record that they were given on."""
        return [
            row
            for row in self.signatures
            if row.meaning != Signature.Meaning.REJECTION and signatures.holds(row)
        ]

    @cached_property
    def authorisation(self) -> Authorisation | None:
        """The newest authorisation, whatever its state."""
        return self.granted or (
            Authorisation.objects.filter(
                version=self.version, environment=self.environment
            )
            .select_related("request__assessment")
            .prefetch_related("changes")
            .order_by("-request__sequence")
            .first()
        )

    def subject(
        self,
        packs: Sequence[Mapping[str, Any]],
        valid_until: datetime | None,
        moving: Mapping[str, Any] | None = None,
    ) -> str:
        """Canonical JSON of everything that a signature judges, each by digest.

        `packs` name those that judge, see `InForce.as_subject`. `moving` stands in for
        what moves on after an approval: evidence, findings, waivers.
        """
        model = self.version.model
        assessment = self.assessment
        return canonical_json(
            {
                "model": model.slug,
                "version": self.version.version,
                "version_sha256": self.version.sha256,
                "artifact_sha256": self.artifact.sha256 if self.artifact else None,
                "environment": self.environment.slug,
                "inventory_sha256": self._inventory_sha256,
                "assessment": None
                if assessment is None
                else {
                    "id": str(assessment.id),
                    "score": assessment.score,
                    "band": assessment.band,
                    "tier": assessment.tier,
                    **judged.decided_on_tier(self.standing, assessment),
                },
                "packs": list(packs),
                **judged.change(
                    self.around.change_plan,
                    self.around.change,
                    light_path=self.around.change is not None and self.on_light_path,
                ),
                **(self._moving() if moving is None else moving),
                "valid_until": valid_until.isoformat() if valid_until else None,
            }
        ).decode()

    @cached_property
    def _inventory_sha256(self) -> str:
        return judged.inventory_sha256(self.version.model)

    @cached_property
    def change(self) -> planned.Verdict | None:
        """Whether it is a minor change inside its plan; None where none is recorded."""
        record = self.around.change
        if record is None:
            return None
        said = self.held.latest("change_record")
        given = planned.Given(
            environment=self.environment,
            at=self.at,
            standing=self.standing,
            reports=self.reports,
            inventory_sha256=self._inventory_sha256,
            declared=said.fields if said else None,
        )
        return planned.judge(record, given)

    @cached_property
    def on_light_path(self) -> bool:
        """Whether a validator and one approver are enough (decisions.md 3.6, 3).

        What was granted stays on the path that it was granted on, while its plan is
        what it was: the request's subject says which.
        """
        if self.granted is None:
            return self.change is not None and self.change.inside
        stored = json.loads(self.granted.request.subject)
        return stored.get("change", {}).get("light_path") is True

    @property
    def pack_subjects(self) -> list[dict[str, Any]]:
        """The packs that apply, as signatures name them. Raises `policy.NoPolicy`."""
        return [item.in_force.as_subject() for item in self.packs]

    def _moving(self) -> dict[str, Any]:
        return {
            "evidence": {kind: row.sha256 for kind, row in self.reports.items()},
            "attached": self.held.digests(),
            "findings": {
                str(row.finding.pk): f"{row.severity} {row.state}"
                for row in self.around.findings
            },
            "waivers": {rule: str(row.pk) for rule, row in self.waivers.items()},
        }

    @cached_property
    def subject_holds(self) -> bool:
        """Whether what was submitted is still what stands here now.

        A newer report voids a request that waits for signatures. A granted one it does
        not: the rules are applied to the newest reports at every question, so that
        monitoring does not shut the gate, but a report that fails a rule does. So with
        packs: one published between two signatures voids the request, while what was
        granted is judged by the packs of today, see `packs`.
        """
        request = self.request
        if request is None:
            return False
        moving = None
        if self.granted:
            stored = json.loads(request.subject)
            moving = {name: stored[name] for name in judged.MOVING if name in stored}
        try:
            packs = request.packs if self.granted else self.pack_subjects
        except policy.NoPolicy:
            return False
        now = self.subject(packs, request.valid_until, moving)
        return sha256_hex(now.encode()) == request.subject_sha256
