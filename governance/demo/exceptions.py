"""What is open in the demo's bank: findings, a waiver, a suspension, break-glass."""

from datetime import datetime, timedelta

from django.utils import timezone

from governance import (
    approvals,
    emergencies,
    findings,
    registration,
    remedying,
    suspensions,
    waiving,
)
from governance.demo.people import PASSWORD
from governance.demo.steps import Story
from governance.lifecycle import State, state_of
from governance.models import Emergency, Severity
from governance.signatures import Proof
from governance.waiving.terms import waivable_rules
from registry.models import Environment, ModelVersion, RegisteredModel

PROOF = Proof(password=PASSWORD)
BRANCHES = "branches"
# model, who raises it, severity, title, text, days until it is due
FINDINGS = (
    (
        "mortgage-approval",
        "vera",
        Severity.HIGH,
        "Few self-employed people",
        "One applicant in nine is self-employed: their error rates are not known well.",
        45,
    ),
    (
        "card-approval",
        "vera",
        Severity.MEDIUM,
        "Income is not verified",
        "The score rests on income as stated.",
        60,
    ),
    (
        "cv-screening",
        "ines",
        Severity.HIGH,
        "No bias audit before use",
        "Local Law 144 asks for one within a year before the tool is used.",
        30,
    ),
)

UNAPPROVED = (
    "collateral-value",
    "rita",
    Severity.CRITICAL,
    "It runs without approval",
    "A deployment was reported that no permit covers.",
    7,
)


def find(story: Story) -> None:
    """Findings and a waiver, before anybody signs what they bear on; each once."""
    story.say("Findings and a waiver:")
    for slug, who, severity, title, text, days in FINDINGS:
        _raise(story, slug, who, severity, title, text, days)
    _waive(story)


def happen(story: Story) -> None:
    """A suspension and an emergency, after the signatures; each once."""
    story.say("A suspension and an emergency:")
    _raise(story, *UNAPPROVED)
    branches = _branches(story)
    model = RegisteredModel.objects.get(slug="mortgage-approval")
    first, second = (model.versions.get(version=number) for number in ("1", "2"))
    _suspend(story, first, branches)
    _break_glass(story, second, branches)


def _raise(
    story: Story,
    slug: str,
    who: str,
    severity: Severity,
    title: str,
    text: str,
    days: int,
) -> None:
    model = RegisteredModel.objects.get(slug=slug)
    if model.findings.filter(title=title).exists():
        return
    now = timezone.now()
    row = findings.raise_finding(
        model=model,
        severity=severity,
        title=title,
        text=text,
        due_on=(now + timedelta(days=days)).date(),
        by=story.people[who],
        at=now,
    )
    if severity == Severity.HIGH and who == "vera":
        plan = "A sample of 400 self-employed applicants is drawn this quarter."
        remedying.plan(finding=row, text=plan, by=story.people["anna"], at=now)
    story.say(f"  {row.raised_by.printed_name} raises: {title}")


def _branches(story: Story) -> Environment:
    found = Environment.objects.filter(slug=BRANCHES).first()
    return found or registration.register_environment(
        slug=BRANCHES, name="Branches", emergency_allowed=True, by=story.people["ola"]
    )


def _waive(story: Story) -> None:
    """A waiver that ends the day after tomorrow."""
    model = RegisteredModel.objects.get(slug="card-approval")
    now = timezone.now()
    if model.waivers.exists():
        return
    waiver = waiving.request(
        wish=waiving.Wish(
            model=model,
            version=model.versions.first(),
            rules=(_rule(now),),
            reason="The new sample of applications arrives next week.",
            risk_statement="Small groups may be refused more often than shown.",
            compensating_controls="A clerk looks at every refusal.",
            plan_to_close="Measure again with the new sample, then let it end.",
            valid_from=now,
            valid_until=now + timedelta(days=2),
        ),
        by=story.people["anna"],
        at=now,
    )
    for who in ("carl", "cora"):
        waiving.sign(waiver=waiver, proof=PROOF, by=story.people[who], at=now)
    story.say(f"  A waiver of {waiver.rules[0]} for {model} ends in two days")


def _rule(now: datetime) -> str:
    known = waivable_rules(now)
    fair = [rule for rule in known if rule in ("first-004", "first-005", "lite-007")]
    return (fair or known)[0]


def _suspend(story: Story, version: ModelVersion, place: Environment) -> None:
    """Approved for the branches, and suspended there: its inputs drifted."""
    request = version.approval_requests.filter(environment=place).first()
    request = request or approvals.submit(
        version=version,
        environment=place,
        comment="For the branches.",
        by=story.people["anna"],
        at=timezone.now(),
    )
    story.sign(request, "vera", "review", "As for production.")
    story.sign(request, "carl", "approval", "Approved for the branches.")
    granted = version.authorisations.filter(environment=place).first()
    if granted is None or state_of(granted) != State.ACTIVE:
        return
    suspensions.change_authorisation(
        authorisation=granted,
        to=State.SUSPENDED,
        reason="Loan to value has drifted in the branches; see the finding.",
        by=story.people["rita"],
        at=timezone.now(),
    )
    story.say(f"  {version} is suspended in {place.name}")


def _break_glass(story: Story, version: ModelVersion, place: Environment) -> None:
    """Two people broke the glass; nobody has reviewed it yet."""
    if version.emergencies.exists():
        return
    now = timezone.now()
    emergency = emergencies.invoke(
        call=emergencies.Call(
            version=version,
            environment=place,
            reason_code=Emergency.ReasonCode.OUTAGE,
            incident="INC-2026-1107",
            reason="The approved version does not start after the update.",
            compensating_controls="A clerk decides every case by hand.",
            expected_end=now + timedelta(hours=8),
        ),
        proof=PROOF,
        by=story.people["ola"],
        at=now,
    )
    emergencies.confirm(
        emergency=emergency, proof=PROOF, by=story.people["rita"], at=now
    )
    emergencies.end(
        emergency=emergency,
        reason="Version 1 starts again.",
        by=story.people["ola"],
        at=timezone.now(),
    )
    story.say(f"  The glass was broken for {version}: its review is due")
