"""The demo's story: what the bank's people do, act by act.

Every step looks first whether it was done, so that an interrupted story goes on.
"""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from governance import (
    gate,
)
from governance.datasets import Labels
from governance.demo import bank, doors, exceptions, plans, policies, training
from governance.demo.steps import Say, Story
from governance.demo.training import Tables
from governance.gate import Question
from governance.registration import Operating
from registry.models import (
    DatasetVersion,
    ModelVersion,
    User,
)

Wait = Callable[[list[ModelVersion]], None]
PILOT = timedelta(seconds=3)


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
    say("Adopting policy packs, and declaring what they ask:")
    policies.adopt(story)
    policies.declare(story)
    say("Measuring performance, fairness and explanations:")
    story.ask(card, card_data, "performance fairness explainability")
    wait([first, second, card, house])
    exceptions.find(story)
    plans.file(story, card)
    say("Signing, and asking the gate:")
    _sign_all(story, first, second, card, staff, house)
    doors.open_up(story, first, house)
    exceptions.happen(story)
    policies.try_out(story)


def _mortgages(story: Story) -> tuple[ModelVersion, ModelVersion]:
    model = story.model("mortgage-approval")
    words = training.mortgages()
    numbers = training.mortgages_as_numbers(words)
    source = "Federal Reserve Bank of Boston, 1990; Munnell et al. 1996; package AER"
    learned, tested = _pair(
        story,
        "hmda-boston",
        "HMDA Boston",
        source,
        words,
        bank.HMDA_COLUMNS,
        bank.HMDA_LABELS,
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
    story.ask(first, tested, f"{kinds} robustness drift data_quality")
    story.ask(second, tested2, kinds)
    return first, second


def _pair(
    story: Story,
    slug: str,
    name: str,
    source: str,
    tables: Tables,
    columns: dict[str, str],
    labels: Labels | None = None,
) -> tuple[DatasetVersion, DatasetVersion]:
    learned = story.data(
        f"{slug}-training",
        f"{name}, training",
        source,
        content=training.as_parquet(tables.training),
        file_name=f"{slug}-training.parquet",
        columns=columns,
        labels=labels,
    )
    tested = story.data(
        f"{slug}-test",
        f"{name}, test",
        source,
        content=training.as_csv(tables.test),
        file_name=f"{slug}-test.csv",
        columns=columns,
        labels=labels,
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
