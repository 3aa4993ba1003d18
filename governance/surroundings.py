"""What the records say around a version, read once: for one, or for many together."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Self
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from audits.models import EvidenceReport, Verification
from governance import absent, findings, persons, planned, risk, separation, waived
from governance.models import (
    Authorisation,
    AuthorisationChange,
    Challenge,
    ChallengeDisposition,
    ChallengeResponse,
    ChangePlan,
    ChangeRecord,
    EmergencyAuthorisation,
    Incident,
    PeriodicReview,
    Signature,
    Status,
    StatusChange,
)
from registry.models import ModelVersion, RoleAssignment

Since = Mapping[tuple[UUID, str], datetime]


class Together:
    """Versions whose surroundings are read in one query for each kind of record."""

    def __init__(
        self,
        versions: Iterable[ModelVersion],
        at: datetime,
        *,
        fairness: Iterable[EvidenceReport] = (),
    ) -> None:
        """`fairness` are the reports whose documents rules look into."""
        self.fairness = [report.pk for report in fairness]
        self.versions = {version.pk: version for version in versions}
        self.at = at
        self.models = {v.model_id: v.model for v in self.versions.values()}
        # The kinds of records of which there is known to be none.
        self.absent: frozenset[str] = frozenset()
        # The risk of the models, where it was read already.
        self.standings: Mapping[UUID, risk.Standing] | None = None

    def look(self) -> None:
        """Find out in one question what there is none of, before many are asked.

        For who only reads: what an act writes afterwards would not be seen.
        """
        self.absent = absent.around(self.versions.values())

    def around(self, version: ModelVersion) -> "Surroundings":
        """What stands around one of them."""
        return Surroundings(version, self)

    def document(self, report: EvidenceReport) -> str:
        """The document of a report, which is large and read only where it is asked."""
        return self._documents.get(report.pk) or report.document

    @cached_property
    def _documents(self) -> Mapping[UUID, str]:
        rows = EvidenceReport.objects.filter(pk__in=self.fairness)
        return dict(rows.values_list("pk", "document")) if self.fairness else {}

    @cached_property
    def hands(self) -> Mapping[UUID, Mapping[str, str]]:
        """By version, who has had a hand in it."""
        return separation.hands_by(self.versions.values())

    @cached_property
    def findings(self) -> Mapping[UUID, list[findings.Standing]]:
        """By version, its open findings and those of its model, the worst first."""
        if "findings" in self.absent:
            return {}
        return findings.open_by(self.versions.values(), self.at)

    @cached_property
    def waivers(self) -> Mapping[UUID, list[waived.Ending]]:
        """By model, its granted waivers that have not ended."""
        if "waivers" in self.absent:
            return {}
        return waived.active_by(self.models.values(), self.at, self.standings)

    @cached_property
    def change_plans(self) -> Mapping[UUID, ChangePlan]:
        """By version, the change plan that comes with it."""
        if "plans" in self.absent:
            return {}
        return planned.plans_by(self.versions, self.at)

    @cached_property
    def changes(self) -> Mapping[UUID, ChangeRecord]:
        """By version, that it is a minor change under the plan of another."""
        if "changes" in self.absent:
            return {}
        return planned.records_by(self.versions, self.at)

    @cached_property
    def challenges(self) -> Mapping[UUID, list[bool]]:
        """By version, whether each challenge is answered and disposed of."""
        if "challenges" in self.absent:
            return {}
        rows = Challenge.objects.filter(
            request__version__in=self.versions, raised_at__lte=self.at
        ).annotate(
            done=Exists(ChallengeResponse.objects.filter(challenge=OuterRef("pk")))
            & Exists(ChallengeDisposition.objects.filter(challenge=OuterRef("pk")))
        )
        found = defaultdict(list)
        for version, done in rows.values_list("request__version_id", "done"):
            found[version].append(done)
        return found

    @cached_property
    def incidents(self) -> Mapping[UUID, list[Incident]]:
        """By model, its serious incidents."""
        if "incidents" in self.absent:
            return {}
        found = defaultdict(list)
        for row in (
            Incident.objects.filter(model__in=self.models, recorded_at__lte=self.at)
            .exclude(kind=Incident.Kind.MINOR)
            .select_related("closure")
        ):
            found[row.model_id].append(row)
        return found

    @cached_property
    def reviews(self) -> Mapping[UUID, PeriodicReview]:
        """By model, its newest periodic review."""
        if "reviews" in self.absent:
            return {}
        rows = PeriodicReview.objects.filter(
            model__in=self.models, reviewed_at__lte=self.at
        )
        newest = rows.order_by("model_id", "-reviewed_at").distinct("model_id")
        return {row.model_id: row for row in newest}

    @cached_property
    def moves(self) -> Mapping[UUID, list[Status]]:
        """By version, its moves through the life cycle, in order."""
        rows = StatusChange.objects.filter(
            version__in=self.versions, moved_at__lte=self.at
        ).order_by("sequence")
        found = defaultdict(list)
        for version, status in rows.values_list("version_id", "status"):
            found[version].append(Status(status))
        return found

    @cached_property
    def used_since(self) -> Mapping[UUID, datetime]:
        """By version, when it was first authorised anywhere."""
        rows = Authorisation.objects.filter(
            version__in=self.versions, valid_from__lte=self.at
        ).order_by("-valid_from")
        return dict(rows.values_list("version_id", "valid_from"))

    @cached_property
    def authorised(self) -> frozenset[UUID]:
        """The models of which a version may run, or may again once a suspension ends:
        by an authorisation or an emergency's."""
        revoked = AuthorisationChange.objects.filter(
            authorisation=OuterRef("pk"),
            state=AuthorisationChange.State.REVOKED,
            changed_at__lte=self.at,
        )
        granted = Authorisation.objects.filter(
            ~Exists(revoked),
            version__model__in=self.models,
            valid_from__lte=self.at,
            valid_until__gt=self.at,
        )
        broken = EmergencyAuthorisation.objects.filter(
            Q(valid_until__gt=self.at)
            | Q(emergency__extension__valid_until__gt=self.at),
            emergency__version__model__in=self.models,
            valid_from__lte=self.at,
        )
        return frozenset(
            {
                *granted.values_list("version__model_id", flat=True),
                *broken.values_list("emergency__version__model_id", flat=True),
            }
        )

    @cached_property
    def verification(self) -> Verification | None:
        """The newest check of the whole log."""
        rows = Verification.objects.filter(ran_at__lte=self.at)
        return rows.order_by("-ran_at", "-id").first()

    @cached_property
    def register(self) -> persons.Register:
        """Which accounts are of one human."""
        return persons.Register(linked="person_links" not in self.absent)

    @cached_property
    def roles_since(self) -> Since:
        """Since when who signed, or let others sign, has held each of their roles."""
        signed = Signature.objects.filter(request__version__in=self.versions)
        rows = RoleAssignment.objects.filter(
            Q(user__in=signed.values("signed_by"))
            | Q(user__in=signed.values("delegation__delegator")),
            ended_at=None,
        )
        return {
            (user, role): since
            for user, role, since in rows.values_list("user", "role", "granted_at")
        }


class Surroundings:
    """What stands around one version; each answer is read when it is first asked."""

    def __init__(self, version: ModelVersion, together: Together) -> None:
        self.version = version
        self.together = together

    @classmethod
    def of(cls, version: ModelVersion, at: datetime) -> Self:
        """Of a version for itself."""
        return cls(version, Together([version], at))

    def look(self) -> None:
        """See `Together.look`."""
        self.together.look()

    def none(self, kind: str) -> bool:
        """Whether there is known to be no record of a kind, see `governance.absent`."""
        return kind in self.together.absent

    @property
    def hands(self) -> Mapping[str, str]:
        """People by id who have had a hand in the version, and what they did."""
        return self.together.hands[self.version.pk]

    @property
    def findings(self) -> list[findings.Standing]:
        """The findings that count now, the worst first."""
        return self.together.findings.get(self.version.pk, [])

    @property
    def waivers(self) -> list[waived.Ending]:
        """The granted waivers of the model, with their ends."""
        return self.together.waivers.get(self.version.model_id, [])

    @property
    def change_plan(self) -> ChangePlan | None:
        """The change plan that comes with the version."""
        return self.together.change_plans.get(self.version.pk)

    @property
    def change(self) -> ChangeRecord | None:
        """That the version is a minor change under a plan."""
        return self.together.changes.get(self.version.pk)

    @property
    def challenges(self) -> list[bool]:
        """For each challenge, whether it is answered and disposed of."""
        return self.together.challenges.get(self.version.pk, [])

    @property
    def incidents(self) -> list[Incident]:
        """The serious incidents of the model."""
        return self.together.incidents.get(self.version.model_id, [])

    @property
    def review(self) -> PeriodicReview | None:
        """The newest periodic review of the model."""
        return self.together.reviews.get(self.version.model_id)

    @property
    def moves(self) -> list[Status]:
        """The moves of the version, in order."""
        return self.together.moves.get(self.version.pk, [])

    @property
    def used_since(self) -> datetime | None:
        """When the version was first authorised anywhere; None when it never was."""
        return self.together.used_since.get(self.version.pk)

    @property
    def model_is_authorised(self) -> bool:
        """Whether any version of the model may run anywhere."""
        return self.version.model_id in self.together.authorised

    @property
    def verification(self) -> Verification | None:
        """The newest check of the whole log."""
        return self.together.verification

    @property
    def roles_since(self) -> Since:
        """Since when each person has held each role that they hold."""
        return self.together.roles_since

    @property
    def register(self) -> persons.Register:
        """Which accounts are of one human."""
        return self.together.register
