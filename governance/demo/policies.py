"""What the demo's bank has decided on policy, and declared for it."""

from typing import Any

from django.utils import timezone

from governance import declaring, publishing, simulation
from governance.demo.people import PASSWORD
from governance.demo.steps import Story
from governance.models import PackDraft, PolicyPack, Simulation
from governance.signatures import Proof
from registry.models import RegisteredModel

PROOF = Proof(password=PASSWORD)
ADOPTED = ("startup-light", "nyc-ll144")
DRAFTED = "us-mrm"
_SCREENED = {
    "practices": ["a", "b", "c", "d", "e", "f", "g", "h"],
    "prohibited": False,
    "reason": "It scores applications; none of the practices of Art. 5(1) is near.",
}
_PLAN = {
    "metrics": "AUC, approval rate, population stability index",
    "thresholds": "AUC below 0.75 is amber, below 0.70 red; index above 0.25 is red",
    "frequency_days": 30,
    "owner": "Anna Lindqvist",
}
_FALLBACK = {
    "fallback": "Clerks decide without a proposal.",
    "steps": "Switch the lending desk to manual; tell the branches.",
}
# model, kind, who declares it, what
DECLARED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("mortgage-approval", "prohibited_practice_screening", "cora", _SCREENED),
    ("card-approval", "prohibited_practice_screening", "cora", _SCREENED),
    ("staff-cost", "prohibited_practice_screening", "cora", _SCREENED),
    (
        "mortgage-approval",
        "privacy_note",
        "dana",
        {"ropa_reference": "V-17", "dpia_required": True, "reason": "Credit scoring."},
    ),
    (
        "card-approval",
        "privacy_note",
        "dana",
        {"ropa_reference": "V-23", "dpia_required": True, "reason": "Credit scoring."},
    ),
    (
        "staff-cost",
        "privacy_note",
        "dana",
        {"ropa_reference": "V-40", "dpia_required": False, "reason": "No person."},
    ),
    ("mortgage-approval", "monitoring_plan", "anna", _PLAN),
    ("mortgage-approval", "rollback_plan", "anna", _FALLBACK),
)


def adopt(story: Story) -> None:
    """Petra adopts shipped packs, Paul publishes them."""
    for slug in ADOPTED:
        if PolicyPack.objects.filter(slug=slug).exists():
            continue
        draft = _draft(story, slug)
        if publishing.state_of(draft) == publishing.State.DRAFT:
            publishing.ask_for_review(
                draft=draft, by=story.people["petra"], at=timezone.now()
            )
        row = publishing.publish(
            draft=draft,
            sha256=publishing.text_of(draft).sha256,
            proof=PROOF,
            comment="As shipped; our first year with it.",
            by=story.people["paul"],
            at=timezone.now(),
        )
        story.say(f"  {story.people['paul'].printed_name} publishes {row}")


def declare(story: Story) -> None:
    """What people vouch for: screenings, privacy, monitoring, the way back."""
    for slug, kind, who, fields in DECLARED:
        model = RegisteredModel.objects.get(slug=slug)
        if model.declarations.filter(kind=kind).exists():
            continue
        declaring.declare(
            kind=kind,
            fields=fields,
            model=model,
            proof=PROOF,
            by=story.people[who],
            at=timezone.now(),
        )


def try_out(story: Story) -> None:
    """The American pack stays a draft: its simulation says what it would stop."""
    draft = _draft(story, DRAFTED)
    revision = publishing.text_of(draft)
    if Simulation.objects.filter(revision=revision).exists():
        return
    found = simulation.simulate(
        revision=revision, by=story.people["petra"], at=timezone.now()
    )
    story.say(
        f"  {draft.slug} {draft.version} as a draft: {found.losing} of "
        f"{found.examined} permits would be lost"
    )


def _draft(story: Story, slug: str) -> PackDraft:
    found = PackDraft.objects.filter(slug=slug).first()
    if found is not None:
        return found
    petra = story.people["petra"]
    return publishing.adopt(slug=slug, by=petra, at=timezone.now()).draft
