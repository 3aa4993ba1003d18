"""What a draft would change: rules over the whole portfolio, before they bind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import translation

from governance import matrix_publishing, policy, roles
from governance.case import Case
from governance.gathering import active_authorisations, cases
from governance.models import (
    MatrixDraft,
    PackRevision,
    PolicyPack,
    RiskMatrix,
    Simulation,
)
from governance.policy import Check, NoPolicy, Shelf
from governance.requirements import DEPLOY, denials
from registry.acts import act
from registry.digests import canonical_json, sha256_hex
from registry.models import User


@dataclass(frozen=True)
class Failing:
    """A rule that would deny."""

    requirement: str
    pack: str
    title: str
    observed: str


@dataclass(frozen=True)
class Loss:
    """A version that has a permit today and would lose it."""

    model: str
    version: str
    environment: str
    tier: int
    failing: tuple[Failing, ...]


@dataclass(frozen=True)
class Outcome:
    """What was examined: authorisations in force, those denied already, and losses."""

    examined: int
    denied_already: int
    losses: tuple[Loss, ...]


def run(
    *,
    at: datetime,
    shelf: Shelf | None = None,
    matrices: Sequence[RiskMatrix] | None = None,
) -> Outcome:
    """Apply other packs, or other matrices, to every authorisation in force.

    A version loses its permit when its rules let it pass today and would not then.
    What stands above every pack is the same in both. Changes nothing.
    """
    today = policy.shelf(at=at)
    # The source's English, not looked up a hundred times for each version.
    with translation.override(None):
        return _run(at, shelf, matrices, today)


def _run(
    at: datetime,
    shelf: Shelf | None,
    matrices: Sequence[RiskMatrix] | None,
    today: Shelf,
) -> Outcome:
    keys = active_authorisations(at)
    losses, denied = [], 0
    for case in cases(keys, at=at, shelf=shelf or today, matrices=matrices):
        after = _denials(case)
        if not after:
            continue
        if _denials(_as_today(case, today, matrices)):
            denied += 1
        else:
            losses.append(_loss(case, after))
    return Outcome(len(keys), denied, tuple(losses))


def _as_today(case: Case, today: Shelf, matrices: Sequence[RiskMatrix] | None) -> Case:
    """The same case under the packs and matrices of today."""
    kept = (
        "held",
        "reports",
        "artifact",
        "signatures",
        "around",
        "data",
        "hands",
        "holding",
        "evidence_days",
        "own_tables",
        "waivers",
        "on_light_path",
    )
    known = {name: value for name, value in vars(case).items() if name in kept}
    if matrices is None:
        known |= {
            "standing": case.standing,
            "assessment": case.assessment,
            # What was granted names its packs itself.
            "subject_holds": case.subject_holds,
        }
        # Packs decide which signatures count only where owners may attest: in tier 4.
        if case.tier != 4 and "signed" in vars(case):
            known["signed"] = vars(case)["signed"]
    return replace(case).knowing(shelf=today, **known)


def _denials(case: Case) -> list[Check]:
    try:
        return denials(case, DEPLOY)
    except NoPolicy as error:
        return [Check("policy", str(error), passed=False, observed="", because="")]


def _loss(case: Case, failing: Sequence[Check]) -> Loss:
    return Loss(
        model=case.version.model.slug,
        version=case.version.version,
        environment=case.environment.slug,
        tier=case.tier,
        failing=tuple(
            Failing(check.requirement, check.pack, check.title, check.observed)
            for check in failing
        ),
    )


def shelf_with(document: str, *, at: datetime) -> Shelf:
    """The shelf as if a text had been published now, sparing nobody."""
    pack = policy.parse(document)
    tried = PolicyPack(
        slug=pack.slug,
        version=pack.version,
        document=document,
        sha256=sha256_hex(document.encode()),
        effective_from=at,
        published_at=at,
    )
    shelf = policy.shelf(at=at)
    return replace(shelf, versions={**shelf.versions, pack.slug: [tried]})


@act
def simulate(*, revision: PackRevision, by: User, at: datetime) -> Simulation:
    """Run a draft over the portfolio and keep the result. Raises `NotAllowed`."""
    # It names every model: a token for some of them does not see it.
    roles.require(by, "simulate policy", model="*")
    found = run(at=at, shelf=shelf_with(revision.document, at=at))
    return keep(
        subject=f"{revision.draft.slug} {revision.draft.version}",
        digest=revision.sha256,
        found=found,
        revision=revision,
        by=by,
        at=at,
    )


@act
def simulate_matrix(*, draft: MatrixDraft, by: User, at: datetime) -> Simulation:
    """Run a draft of a matrix over the portfolio, as if it counted now; keep that.

    Raises `NotAllowed`, `matrix_publishing.CannotPublish`.
    """
    # It names every model: a token for some of them does not see it.
    roles.require(by, "simulate policy", model="*")
    tried = matrix_publishing.candidate(draft, at)
    tried.effective_from = at
    found = run(at=at, matrices=[*RiskMatrix.objects.all(), tried])
    return keep(
        subject=subject_of(draft),
        digest=draft.sha256,
        found=found,
        revision=None,
        by=by,
        at=at,
    )


def subject_of(draft: MatrixDraft) -> str:
    """By what name the simulations of this text of a matrix are found."""
    return f"{draft.slug} sha256:{draft.sha256[:12]}"


def keep(
    *,
    subject: str,
    digest: str,
    found: Outcome,
    revision: PackRevision | None,
    by: User,
    at: datetime,
) -> Simulation:
    """Store an outcome as part of the act that calls; `digest` names what was tried."""
    document: dict[str, Any] = {
        "subject": subject,
        "subject_sha256": digest,
        "as_of": at.isoformat(),
        **asdict(found),
    }
    text = canonical_json(document).decode()
    return Simulation.objects.create(
        revision=revision,
        subject=subject,
        document=text,
        sha256=sha256_hex(text.encode()),
        examined=found.examined,
        losing=len(found.losses),
        as_of=at,
        simulated_by=by,
        simulated_at=at,
    )


__all__ = [
    "Failing",
    "Loss",
    "Outcome",
    "keep",
    "run",
    "shelf_with",
    "simulate",
    "simulate_matrix",
    "subject_of",
]
