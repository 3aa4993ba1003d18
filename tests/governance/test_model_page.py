"""The page of a model: where it stands, its trends in words, its history."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audits.models import Measurement
from governance import findings, reviews
from governance.lifecycle import move
from governance.models import PeriodicReview, Severity, Status
from governance.signatures import Proof
from governance.web import trends
from governance.web.limits import Limit
from governance.web.readings import Reading, difference, signed
from tests.governance.test_approvals import sign, submit
from tests.governance.traced_stage import reported, staged, versioned
from tests.world import PASSWORD, later

SLUG = "mortgage-approval"


@pytest.fixture(autouse=True)
def now(clock):
    clock(later(hours=100))


def reader(world, name: str = "ines") -> Client:
    client = Client()
    client.force_login(world.people[name])
    return client


def page_of(world, **query) -> tuple[str, dict]:
    answer = reader(world).get(reverse("web:model", args=[SLUG]), query)
    assert answer.status_code == 200
    return answer.content.decode(), answer.context


def auc(world, version, data, value, lower=None, upper=None, hours=10) -> None:
    """Vera has the area under the curve measured, with an interval if given."""
    numbers = {"performance": [("roc_auc", "", value)]}
    world.measured(version, data, numbers, at=later(hours=hours))
    if lower is not None:
        with_interval = Measurement(
            report=version.evidence_runs.get(kind="performance").report,
            name="brier",
            value=value,
            lower=lower,
            upper=upper,
        )
        with_interval.save(force_insert=True)


def test_a_model_without_versions_says_who_does_what_next(world):
    world.model()
    page, context = page_of(world)
    assert context["stands"] is None
    assert "a developer registers the first one" in page
    assert 'id="lineage"' not in page


def test_the_page_speaks_of_the_newest_version_and_names_the_next_step(world):
    staged(world)
    page, context = page_of(world)
    stands = context["stands"]
    assert stands.version.version == "2"
    assert not stands.allowed
    assert stands.next_step in [check.next_step for check in stands.failing]
    assert "May version 2 run in Production?" in page
    assert "more checks fail" in page
    assert len(stands.shown) == 4
    assert [step.name for step in stands.steps][0] == "Registered"


def test_a_retired_version_is_not_what_the_page_speaks_of(world):
    newest = staged(world).versions[1]
    move(version=newest, to=Status.RETIRED, by=world.ola, at=later(hours=60))
    _page, context = page_of(world)
    assert context["stands"].version.version == "1"


def test_deployments_link_to_the_way_back(world):
    staged(world)
    page, _context = page_of(world)
    assert reverse("web:way_back", args=[SLUG, "production"]) in page
    assert "unauthorised" in page


def test_trends_draw_what_counts_and_say_what_changed(world):
    stage = staged(world)
    for version, value in zip(stage.versions, (0.81, 0.79), strict=True):
        auc(world, version, stage.data, value)
    page, context = page_of(world)
    trend = next(t for t in context["trends"] if t.name == "roc_auc")
    assert [p.version.version for p in trend.points] == ["1", "2"]
    assert trend.limit.text
    assert trend.points[0].y < trend.points[1].y
    assert "Version 2: 0.790." in trend.words
    assert "The limit" in trend.words
    assert "Against version 1: lower by 0.020." in trend.words
    assert trend.words in page
    assert f'href="{reverse("web:version", args=[SLUG, "1"])}"' in page


def test_other_data_are_not_compared_and_drawn_hollow(world):
    stage = staged(world)
    auc(world, stage.versions[0], stage.data, 0.81)
    auc(world, stage.versions[1], world.data("others"), 0.85)
    page, context = page_of(world)
    trend = next(t for t in context["trends"] if t.name == "roc_auc")
    assert [p.other_data for p in trend.points] == [True, False]
    assert "measured on other data, so not comparable" in trend.words
    assert '<circle class="other"' in page


def test_a_value_that_is_not_estimable_is_said_and_not_drawn_as_a_number(world):
    stage = staged(world)
    auc(world, stage.versions[0], stage.data, 0.81)
    auc(world, stage.versions[1], stage.data, None)
    _page, context = page_of(world)
    trend = next(t for t in context["trends"] if t.name == "roc_auc")
    assert trend.last.keeps is False
    assert "Version 2: not estimable." in trend.words
    assert trend.line.count(",") == 1


def test_of_groups_the_worst_is_drawn_as_the_gate_judges(world):
    stage = staged(world, count=1)
    name = "demographic_parity_difference"
    numbers = {"fairness": [(name, "afam", 0.05), (name, "sex", -0.2)]}
    world.measured(stage.versions[0], stage.data, numbers, at=later(hours=10))
    (trend,) = trends.of_versions(stage.versions, {name: Limit(high=0.1)})
    assert (trend.last.reading.group, trend.broken) == ("sex", True)
    assert "Worst of the groups: sex." in trend.words


def test_a_newest_version_that_was_not_measured_is_named(world):
    stage = staged(world)
    auc(world, stage.versions[0], stage.data, 0.81)
    (trend,) = trends.of_versions(stage.versions, {})
    assert trend.words.startswith("Version 2 was not measured. Version 1: 0.810.")


def test_what_only_the_developer_measured_is_no_trend(world):
    stage = staged(world, count=1)
    numbers = {"performance": [("roc_auc", "", 0.99)]}
    world.measured(
        stage.versions[0], stage.data, numbers, at=later(hours=10), by=world.ben
    )
    assert trends.of_versions(stage.versions, {}) == []


def test_of_two_limits_the_stricter_counts():
    assert Limit(low=0.7).stricter(Limit(low=0.8)) == Limit(low=0.8)
    assert Limit(high=0.2).stricter(Limit(high=0.1)) == Limit(high=0.1)
    assert Limit(high=0.2).stricter(Limit(low=0.1)) == Limit(high=0.2)
    assert Limit().stricter(Limit(low=0.1)) == Limit(low=0.1)


def reading(value, lower=None, upper=None, data=1) -> Reading:
    return Reading("performance", "x", "", value, lower, upper, 9, "", 1, data, "Data")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (reading(0.5), reading(0.5), "the same"),
        (reading(0.5), reading(0.75), "higher by 0.250"),
        (reading(0.75), reading(0.5), "lower by 0.250"),
        (
            reading(0.5, 0.4, 0.6),
            reading(0.75, 0.7, 0.8),
            "higher by 0.250; the 95 % intervals do not meet",
        ),
        (
            reading(0.5, 0.4, 0.6),
            reading(0.55, 0.45, 0.65),
            "higher by 0.050; the 95 % intervals overlap, it may be chance",
        ),
        (reading(0.5), reading(0.5, data=2), "measured on other data"),
        (reading(0.5), reading(None), "not estimable"),
        (reading(0.5), None, "measured for one version only"),
        (None, None, ""),
    ],
)
def test_a_difference_is_said_in_words(before, after, words):
    said = difference(before, after)
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_a_difference_has_its_sign():
    assert (signed(0.1), signed(-0.1), signed(0)) == ("+0.100", "−0.100", "0")


def test_history_tells_everything_newest_first_a_page_at_a_time(world, monkeypatch):
    monkeypatch.setattr("governance.web.history.PER_PAGE", 3)
    stage = staged(world, count=3)
    world.assessed(stage.model)
    raised(world, stage.model)
    seen, query = [], {}
    for _page in range(9):
        answer = reader(world).get(reverse("web:history", args=[SLUG]), query)
        seen += [(event.at, event.id) for event in answer.context["events"]]
        if not answer.context["more"]:
            break
        query = {"before": answer.context["more"]}
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 3 + 1 + 1 + 1  # versions, deployment, assessment, finding


def test_history_tells_what_was_decided_and_by_whom(world):
    """Each kind in its words, with the page that tells it in full."""
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    sign(request, world.carl, "approval")
    reported(world, request.version)
    reviews.complete(
        model=request.version.model,
        kind=PeriodicReview.Kind.REVIEW,
        outcome=PeriodicReview.Outcome.FIT,
        text="Looked at everything.",
        proof=Proof(password=PASSWORD),
        by=world.rita,
        at=later(hours=60),
    )
    answer = reader(world).get(reverse("web:history", args=[SLUG]))
    events = answer.context["events"]
    assert [event.what for event in events[:2]] == [
        "Periodic review",
        "runs in Production without a permit",
    ]
    assert {(event.what, event.about, event.who) for event in events} == {
        ("Periodic review", "Fit for its use", "Rita Okafor"),
        ("runs in Production without a permit", "1", "Ola Svensson"),
        ("Approved", "1", "Carl Brandt"),
        ("In validation", "1", "Anna Lindqvist"),
        ("signed: Approval", "1", "Carl Brandt"),
        ("signed: Review", "1", "Vera Haas"),
        ("submitted for Production", "1", "Anna Lindqvist"),
        ("Performance measured", "1", "Vera Haas"),
        ("Explainability measured", "1", "Vera Haas"),
        ("Fairness measured", "1", "Vera Haas"),
        ("risk assessed", "High 16", "Rita Okafor"),
        ("version registered", "1", "Ben Moreau"),
    }
    assert all(reader(world).get(event.href).status_code == 200 for event in events)


def test_history_names_who_signed_as_it_stands_beside_the_signature(world):
    """21 CFR 11.50: a later name of the person does not stand in for it."""
    request = submit(world, world.ready())
    sign(request, world.vera, "review")
    world.vera.last_name = "Other"
    world.vera.save(update_fields=["last_name"])
    answer = reader(world).get(reverse("web:history", args=[SLUG]))
    told = {event.what: event.who for event in answer.context["events"]}
    assert told["signed: Review"] == "Vera Haas"
    assert told["Performance measured"] == "Vera Other"


def raised(world, model) -> None:
    findings.raise_finding(
        model=model,
        severity=Severity.LOW,
        title="Wide of the mark",
        text="It misses.",
        due_on=later(days=99).date(),
        by=world.vera,
        at=later(),
    )


def test_all_versions_are_listed_a_page_at_a_time(world, monkeypatch):
    monkeypatch.setattr("governance.web.model_page.PER_PAGE", 2)
    staged(world, count=5)
    seen, query = [], {}
    for _page in range(9):
        answer = reader(world).get(reverse("web:versions", args=[SLUG]), query)
        seen += [
            (line.version.version, line.before.version if line.before else "")
            for line in answer.context["lines"]
        ]
        if not answer.context["more"]:
            break
        query = {"after": answer.context["more"]}
    assert seen == [("5", "4"), ("4", "3"), ("3", "2"), ("2", "1"), ("1", "")]


def test_the_page_asks_no_more_of_many_rows_than_of_few(world):
    stage = staged(world)
    world.assessed(stage.model)
    raised(world, stage.model)
    for version in stage.versions:
        world.measured(version, stage.data, at=later(hours=30))
    pages = [
        reverse(name, args=[SLUG])
        for name in ("web:model", "web:history", "web:versions", "web:compare")
    ]
    client = reader(world)
    before = {address: counted(client, address) for address in pages}
    for at in range(3, 16):
        more = versioned(world, stage.model, str(at), stage.data)
        reported(world, more, hours=50 + at)
        raised(world, stage.model)
        world.measured(more, stage.data, at=later(hours=30 + at))
    after = {address: counted(client, address) for address in pages}
    assert {a: (before[a], after[a]) for a in pages if after[a] > before[a]} == {}


def counted(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    # Every two seconds the gate looks whether the database is migrated.
    return sum("django_migrations" not in row["sql"] for row in found)
