"""Each shipped pack from registration to a permit: none is a dead end.

What a rule asks is declared and measured; then the people whom the pack names sign.
"""

from datetime import timedelta

import pytest

from governance import (
    approvals,
    challenges,
    datasets,
    declaring,
    registration,
    roles,
)
from governance.case import Case
from governance.declarable import KINDS
from governance.models import Authorisation, PackEnd
from governance.release import software_version
from governance.requirements.providers import PROVIDERS
from governance.requirements.quorum import in_words, progress
from governance.signatures import Proof
from registry.models import Dataset, Role
from tests.governance.pack_stage import only
from tests.governance.test_approvals import sign, submit
from tests.governance.test_duties import identified, newcomer
from tests.governance.test_gate import ask, failing
from tests.governance.test_shipped_packs import PACKS, RECORD, YESTERDAY, sample
from tests.world import CSV, GOOD, NOW, PASSWORD, World, later, log_verified

pytestmark = pytest.mark.django_db
PROOF = Proof(password=PASSWORD)
PLACES = {
    "us-mrm": {"jurisdictions": ["US"], "third_party_components": False},
    "eu-ai-act-high-risk": {
        "jurisdictions": ["DE"],
        "special_categories_used": True,
        "fria_required": True,
        "art50_applicable": True,
        "art6_3_claimed": False,
        "credit": True,
        "third_party_components": True,
    },
    "nyc-ll144": {
        "jurisdictions": ["US-NYC"],
        "aedt": True,
        "aedt_output": "score",
        "personal_data": True,
    },
    "gxp-part11": {"jurisdictions": ["DE"], "gxp": True},
}
# Local Law 144 does not say who approves; the pack stands beside one that does.
BESIDE = {"nyc-ll144": ("startup-light",)}
# What the plain samples leave open: facts of this version and of this calendar.
FACTS = {
    "test_report": {"outcome": "passed"},
    "notice": {
        "sent_on": (NOW - timedelta(days=40)).date().isoformat(),
        "first_use_on": NOW.date().isoformat(),
    },
    "csv_package": {"software_version": software_version()},
}
SIGNERS = ("vera", "cora", "carl", "rolf", "eva", "quinn")
MEANINGS = ("review", "approval", "responsibility")
NUMBERS = {**GOOD, "robustness": [("auc_under_noise", "", 0.7)]}


@pytest.fixture
def stage():
    """Opens the stage of one pack, with people in every role that declares."""

    def open_(name: str) -> World:
        log_verified()
        world = only(name, *BESIDE.get(name, ()))
        for username, role in (
            ("quinn", Role.QA),
            ("dirk", Role.DPO),
            ("mila", Role.MODEL_USER),
        ):
            world.people[username] = newcomer(username, role)
            identified(world.people[username])
        return world

    return open_


def registered(world, name):
    """A measured and assessed version of tier 2 with training and test data."""
    model = world.model(**{**RECORD, **PLACES[name]})
    test = world.data()
    slug = Dataset.objects.filter(slug="history").first() or datasets.register(
        slug="history", name="History", by=world.ben, at=NOW
    )
    training = datasets.add_version(
        dataset=slug,
        chunks=[CSV + b"0.5,no,1\n"],
        file_name="history.csv",
        columns={"dti": "feature", "afam": "sensitive", "deny": "target"},
        by=world.ben,
        at=NOW,
    )
    version = registration.register_version(
        model=model,
        version="1",
        artifacts=[(world.artifact(), "model")],
        datasets=[(training, "training"), (test, "test")],
        by=world.ben,
        at=NOW,
    )
    world.measured(version, test, NUMBERS)
    world.assessed(model)
    return version


def declared(world, version):
    """Everything that the rules which bind this version ask people to declare."""
    asked = {}
    for found in Case(version, world.production, NOW).rules:
        for item in found.rule.evidence:
            if item["type"] in KINDS and PROVIDERS.get(item["type"]):
                merged = asked.setdefault(item["type"], {"where": {}, "signed_by": ()})
                merged["where"].update(item.get("where", {}))
                merged["signed_by"] = item.get("signed_by", merged["signed_by"])
    for name, item in asked.items():
        for subject, changes in subjects(world, version, name):
            kind = KINDS[name]
            fields = {**sample(kind, item, world), **FACTS.get(name, {})}
            people = [world.people[p] for p in changes.pop("by", ())] or [
                next(
                    p
                    for role in (item["signed_by"] or kind.signed_by)
                    for p in world.people.values()
                    if role in roles.roles_of(p)
                )
            ]
            fields = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            for person in people:
                declaring.declare(
                    kind=name,
                    fields=fields,
                    proof=PROOF,
                    by=person,
                    at=NOW - timedelta(minutes=1),
                    **subject,
                )


def subjects(world, version, name):
    """What a kind of declaration is about here, and what changes with it."""
    about = KINDS[name].about[0]
    if name == "accountability_statement":
        return [({}, {"by": SIGNERS})]
    if KINDS[name].per == "person":
        model = {"model": version.model} if about == "model" else {}
        return [(model, {"person": who}) for who in SIGNERS]
    if about == "dataset":
        links = version.version_datasets.all()
        return [({"dataset": link.dataset_version.dataset}, {}) for link in links]
    if name == "test_report":
        kinds = ("out_of_sample", "out_of_time", "held_out")
        return [
            ({"version": version}, {"test_kind": kind, "run_on": YESTERDAY})
            for kind in kinds
        ]
    if name == "bias_audit":
        digest = version.sha256
        return [({"version": version}, {"subject_sha256": digest})]
    if about == "installation":
        return [({}, {})]
    return [({about: version if about == "version" else version.model}, {})]


def signed(world, request):
    """The people whom the pack names sign, in the order in which they may."""
    at = later(minutes=2)
    for _round in range(len(SIGNERS)):
        for name in SIGNERS:
            for meaning in MEANINGS:
                if Authorisation.objects.filter(request=request).exists():
                    return
                try:
                    sign(request, world.people[name], meaning, at=at)
                except (approvals.NoSeat, approvals.SameHand, roles.NotAllowed):
                    continue
                except approvals.NotReady as refusal:
                    pytest.fail(
                        str([(c.requirement, c.observed) for c in refusal.checks])
                    )


def challenged(world, request):
    row = challenges.challenge(
        request=request,
        question="Does it hold in a recession?",
        expertise="Twelve years of credit risk.",
        independence="Not in the development team.",
        by=world.vera,
        at=NOW,
    )
    challenges.respond(challenge=row, text="Tested.", by=world.ben, at=NOW)
    challenges.dispose(
        challenge=row, outcome="resolved", reason="Clear.", by=world.vera, at=NOW
    )


@pytest.mark.parametrize("name", sorted(PLACES))
def test_what_a_pack_asks_for_is_enough_for_its_permit(stage, name):
    world = stage(name)
    version = registered(world, name)
    declared(world, version)
    request = submit(world, version)
    challenged(world, request)
    signed(world, request)
    places = progress(Case(version, world.production, later(minutes=3))).missing
    assert not places, in_words(places)
    decision = ask(world, at=later(minutes=5))
    refused = [c for c in decision.checks if not c["passed"]]
    assert decision.allowed, [(c["requirement"], c["observed"]) for c in refused]
    # Every rule of the pack that binds was asked, by name.
    asked = {check["requirement"] for check in decision.checks}
    case = Case(version, world.production, later(minutes=5))
    bound = {found.rule.id for found in case.rules}
    assert bound == under(name) - UNBOUND[name]
    assert bound <= asked
    assert failing(decision) <= WARNINGS[name]


# What only warns, and no declaration of the day can meet.
WARNINGS: dict[str, set[str]] = {
    "us-mrm": set(),
    "eu-ai-act-high-risk": set(),
    "nyc-ll144": {"ll144-014"},
    "gxp-part11": set(),
}
# What binds no such model: ours, validated, of a provider, with a score as its output.
UNBOUND: dict[str, set[str]] = {
    "us-mrm": {"usmrm-009", "usmrm-015"},
    "eu-ai-act-high-risk": {"euai-003", "euai-013", "euai-027"},
    "nyc-ll144": {"ll144-004"},
    "gxp-part11": set(),
}


def under(name):
    """The rules of a pack and of those that stand beside it."""
    names = (name, *BESIDE.get(name, ()))
    return {rule.id for one in names for rule in PACKS[one].rules}


def test_a_pack_that_names_no_approvers_denies_alone_and_says_what_is_missing(stage):
    world = stage("nyc-ll144")
    PackEnd.objects.create(
        slug="startup-light",
        ends_at=later(seconds=1),
        reason="Not here.",
        decided_by=world.adam,
        decided_at=NOW,
        sequence=1,
    )
    version = registered(world, "nyc-ll144")
    declared(world, version)
    submit(world, version)
    found = progress(Case(version, world.production, later(minutes=3)))
    assert (found.asked, found.complete) == ((), False)
    assert not ask(world, at=later(minutes=5)).allowed
