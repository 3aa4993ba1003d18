"""The steps of the story: each an act of one of the staff, done once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone

from audits.evidence import latest_reports
from governance import (
    approvals,
    artifacts,
    assessing,
    datasets,
    deployments,
    evidence,
    gate,
    registration,
)
from governance.assessing import Scenario
from governance.case import Case
from governance.demo import bank, training
from governance.demo.people import PASSWORD
from governance.demo.training import Trained
from governance.gate import Question
from governance.models import ApprovalRequest
from governance.registration import Operating, RunFacts
from governance.signatures import Proof
from registry.models import (
    Dataset,
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    User,
)

Say = Callable[[str], None]


class Story:
    """The acts of the demo, with everybody at hand."""

    def __init__(self, people: dict[str, User], say: Say) -> None:
        self.people = people
        self.say = say
        self.production = self.environment("production", "Production")

    def environment(self, slug: str, name: str) -> Environment:
        """An environment that Ola runs."""
        found = Environment.objects.filter(slug=slug).first()
        return found or registration.register_environment(
            slug=slug, name=name, by=self.people["ola"]
        )

    def model(self, slug: str) -> RegisteredModel:
        """A model in the inventory, assessed where the bank has got that far."""
        model = RegisteredModel.objects.filter(slug=slug).first()
        if model is None:
            model = registration.register_model(
                slug=slug,
                owner=self.people["anna"],
                developer=self.people["ben"],
                validator=self.people["vera"],
                by=self.people["anna"],
                at=timezone.now(),
                **bank.MODELS[slug],
            )
            self.say(f"  {model.name} is registered")
        if slug in bank.ASSESSMENTS and not model.risk_assessments.exists():
            self._assess(model)
        return model

    def _assess(self, model: RegisteredModel) -> None:
        likelihood, impact, left, harm, why, measures = bank.ASSESSMENTS[model.slug]
        found = assessing.assess(
            model=model,
            likelihood=likelihood,
            impact=impact,
            residual_likelihood=left,
            residual_impact=harm,
            rationale=why,
            mitigations=measures,
            scenarios=[Scenario(*one) for one in _scenarios(model)],
            by=self.people["rita"],
            at=timezone.now(),
        )
        self.say(f"  {model.name} is assessed: {found.band} {found.score}")

    def data(self, slug: str, name: str, source: str, **file: Any) -> DatasetVersion:
        """A data set of one version; `file` is content, file_name, columns, labels."""
        dataset = Dataset.objects.filter(slug=slug).first()
        if dataset is None:
            dataset = datasets.register(
                slug=slug,
                name=name,
                source=source,
                by=self.people["ben"],
                at=timezone.now(),
            )
        found = dataset.versions.first()
        return found or datasets.add_version(
            dataset=dataset,
            chunks=[file["content"]],
            file_name=file["file_name"],
            columns=file["columns"],
            labels=file.get("labels"),
            by=self.people["ben"],
            at=timezone.now(),
        )

    def version(
        self,
        model: RegisteredModel,
        number: str,
        trained: Trained,
        used: list[tuple[DatasetVersion, str]],
        commit: str,
        operating: Operating | None = None,
    ) -> ModelVersion:
        """A version that Ben trained and registers."""
        found = model.versions.filter(version=number).first()
        if found is not None:
            return found
        ben, now = self.people["ben"], timezone.now()
        artifact = artifacts.store(
            chunks=[trained.content], file_name=trained.file_name, by=ben, at=now
        )
        made = registration.register_version(
            model=model,
            version=number,
            artifacts=[(artifact, "model")],
            datasets=used,
            run=RunFacts(
                name=f"{model.slug}-{number}",
                code_repository="git@bank.example:models/credit.git",
                code_commit=commit,
                parameters=trained.parameters,
                metrics=trained.metrics,
                environment_sha256=training.environment_sha256(),
            ),
            operating=operating,
            method=trained.method,
            by=ben,
            at=now,
        )
        self.say(f"  {made} is registered, {trained.method}")
        return made

    def ask(self, version: ModelVersion, data: DatasetVersion, kinds: str) -> None:
        """Vera asks for the evidence that is missing, before a version is submitted."""
        if version.approval_requests.exists():
            return
        known = set(latest_reports(version))
        for kind in kinds.split():
            if kind not in known:
                evidence.request_run(
                    version=version,
                    kind=kind,
                    dataset_version=data,
                    by=self.people["vera"],
                    at=timezone.now(),
                )

    def submit(
        self, version: ModelVersion, valid_until: datetime | None = None
    ) -> ApprovalRequest:
        """Anna submits a version for production."""
        case = Case(version, self.production, timezone.now())
        return case.request or approvals.submit(
            version=version,
            environment=self.production,
            valid_until=valid_until,
            comment="For the lending desk.",
            by=self.people["anna"],
            at=timezone.now(),
        )

    def sign(
        self, request: ApprovalRequest, who: str, meaning: str, comment: str
    ) -> None:
        """One of the staff signs, unless they did."""
        by = self.people[who]
        if request.signatures.filter(signed_by=by).exists():
            return
        approvals.sign(
            request=request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            comment=comment,
            by=by,
            at=timezone.now(),
        )
        self.say(f"  {by.printed_name} signs {request.version}: {meaning}")

    def deploy(self, version: ModelVersion, *, permitted: bool) -> None:
        """Ola's pipeline asks the gate and reports what it deployed."""
        if version.deployments.exists():
            return
        now, ola = timezone.now(), self.people["ola"]
        part = version.version_artifacts.get(role="model")
        permit_id = ""
        if permitted:
            question = Question(
                model=version.model.slug,
                version=version.version,
                environment=self.production.slug,
            )
            decision = gate.decide(question=question, by=ola, at=now)
            permit_id = str(decision.pk) if decision.allowed else ""
            verdict = "permitted" if decision.allowed else "denied"
            self.say(f"  The gate is asked for {version}: {verdict}")
        deployments.record(
            version=version,
            environment=self.production,
            artifact_sha256=part.artifact.sha256,
            permit_id=permit_id,
            source="pipeline credit/deploy",
            by=ola,
            at=now,
        )


def _scenarios(model: RegisteredModel) -> tuple[tuple[str, int, int, str], ...]:
    return bank.SCENARIOS if model.slug == "mortgage-approval" else ()
