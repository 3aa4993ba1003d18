"""The demo's story: what the bank's people do, act by act.

Every step looks first whether it was done, so that an interrupted story goes on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audits.evidence import latest_reports
from governance import (
    approvals,
    artifacts,
    datasets,
    deployments,
    evidence,
    gate,
    registration,
    risk,
)
from governance.case import Case
from governance.demo import bank, training
from governance.demo.people import PASSWORD
from governance.demo.training import Tables, Trained
from governance.gate import Question
from governance.models import ApprovalRequest
from governance.registration import Operating, RunFacts
from registry.models import (
    Dataset,
    DatasetVersion,
    Environment,
    ModelVersion,
    RegisteredModel,
    User,
)

Say = Callable[[str], None]
Wait = Callable[[list[ModelVersion]], None]
PILOT = timedelta(seconds=3)


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
        found = risk.assess(
            model=model,
            likelihood=likelihood,
            impact=impact,
            residual_likelihood=left,
            residual_impact=harm,
            rationale=why,
            mitigations=measures,
            by=self.people["rita"],
            at=timezone.now(),
        )
        self.say(f"  {model.name} is assessed: {found.band} {found.score}")

    def data(self, slug: str, name: str, source: str, **file: Any) -> DatasetVersion:
        """A data set of one version; `file` is content, file_name and columns."""
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
        """Vera asks for the evidence that is missing."""
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
            password=PASSWORD,
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


def tell(people: dict[str, User], *, say: Say, wait: Wait) -> None:
    """Tell the whole story; `wait` returns when the versions' evidence is there."""
    story = Story(people, say)
    say("Registering models, data and versions:")
    first, second = _mortgages(story)
    card, card_data = _cards(story)
    staff = _staff(story)
    house = _houses(story)
    for slug in ("cv-screening", "letter-routing"):
        story.model(slug)
    say("Measuring performance, fairness and explanations:")
    story.ask(card, card_data, "performance fairness explainability")
    wait([first, second, card, house])
    say("Signing, and asking the gate:")
    _sign_all(story, first, second, card, staff, house)


def _mortgages(story: Story) -> tuple[ModelVersion, ModelVersion]:
    model = story.model("mortgage-approval")
    words = training.mortgages()
    numbers = training.mortgages_as_numbers(words)
    source = "Federal Reserve Bank of Boston, 1990; Munnell et al. 1996; package AER"
    learned, tested = _pair(
        story, "hmda-boston", "HMDA Boston", source, words, bank.HMDA_COLUMNS
    )
    learned2, tested2 = _pair(
        story,
        "hmda-boston-numbers",
        "HMDA Boston as numbers",
        source,
        numbers,
        bank.HMDA_NUMBER_COLUMNS,
    )
    first = story.version(
        model,
        "1",
        training.mortgage_regression(words),
        [(learned, "training"), (tested, "test")],
        "4f1c2a90b7de31c05a8f6e2d914b7730cc52e8a1",
        Operating(positive="yes", favourable=0),
    )
    second = story.version(
        model,
        "2",
        training.mortgage_boosting(numbers),
        [(learned2, "training"), (tested2, "test")],
        "9be07d13f2a6c45588d0e1b3a7f4c6d2e5908b17",
        Operating(positive="yes", favourable=0, threshold=0.2),
    )
    kinds = "performance fairness explainability"
    story.ask(first, tested, kinds)
    story.ask(second, tested2, kinds)
    return first, second


def _pair(
    story: Story,
    slug: str,
    name: str,
    source: str,
    tables: Tables,
    columns: dict[str, str],
) -> tuple[DatasetVersion, DatasetVersion]:
    learned = story.data(
        f"{slug}-training",
        f"{name}, training",
        source,
        content=training.as_parquet(tables.training),
        file_name=f"{slug}-training.parquet",
        columns=columns,
    )
    tested = story.data(
        f"{slug}-test",
        f"{name}, test",
        source,
        content=training.as_csv(tables.test),
        file_name=f"{slug}-test.csv",
        columns=columns,
    )
    return learned, tested


def _cards(story: Story) -> tuple[ModelVersion, DatasetVersion]:
    tables = training.cards()
    learned, tested = _pair(
        story,
        "card-applications",
        "Card applications",
        "Greene 1992; package AER",
        tables,
        bank.CARD_COLUMNS,
    )
    version = story.version(
        story.model("card-approval"),
        "1",
        training.card_boosting(tables),
        [(learned, "training"), (tested, "test")],
        "51d0c3e7a94f28b6605f1de2c8b7a3940e6d7f12",
        Operating(positive="yes"),
    )
    return version, tested


def _staff(story: Story) -> ModelVersion:
    tables = training.wages()
    features = ["education", "experience", "age"]
    learned, _tested = _pair(
        story,
        "wages",
        "Wages 1985",
        "Current Population Survey, May 1985; Berndt 1991; package AER",
        tables,
        bank.WAGE_COLUMNS,
    )
    return story.version(
        story.model("staff-cost"),
        "1",
        training.linear(tables, "wage", features, "staff-cost-1"),
        [(learned, "training")],
        "c80e4f5b19a7d2638e0b5c4f7a1d9e3b26f08c54",
    )


def _houses(story: Story) -> ModelVersion:
    """A model that somebody took live without asking."""
    tables = training.houses()
    features = ["lotsize", "bedrooms", "bathrooms", "stories", "garage"]
    learned, tested = _pair(
        story,
        "house-prices",
        "House prices Windsor",
        "Anglin and Gencay 1996; package AER",
        tables,
        bank.HOUSE_COLUMNS,
    )
    version = story.version(
        story.model("collateral-value"),
        "1",
        training.linear(tables, "price", features, "collateral-value-1"),
        [(learned, "training"), (tested, "test")],
        "07b2d9c4e8f1a6350b9d8e7c6f5a4b3c2d1e0f98",
    )
    story.ask(version, tested, "performance")
    return version


def _sign_all(
    story: Story,
    first: ModelVersion,
    second: ModelVersion,
    card: ModelVersion,
    staff: ModelVersion,
    house: ModelVersion,
) -> None:
    request = story.submit(first)
    story.sign(request, "vera", "review", "Sound method; limits are documented.")
    story.sign(request, "carl", "approval", "Approved by the committee.")
    story.deploy(first, permitted=True)
    request = story.submit(second)
    story.sign(request, "vera", "review", "Reviewed; see the fairness report.")
    story.submit(card)
    request = story.submit(staff, timezone.now() + PILOT)
    if not hasattr(request, "authorisation"):
        story.sign(request, "carl", "approval", "A pilot of one budget round.")
    story.deploy(house, permitted=False)
    _question(story, second)


def _question(story: Story, version: ModelVersion) -> None:
    """A pipeline asks for version 2, which must be denied."""
    if version.gate_decisions.exists():
        return
    question = Question(
        model=version.model.slug,
        version=version.version,
        environment=story.production.slug,
    )
    decision = gate.decide(question=question, by=story.people["ola"], at=timezone.now())
    verdict = "permitted" if decision.allowed else "denied"
    story.say(f"  The gate is asked for {version}: {verdict}")
