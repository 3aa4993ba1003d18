"""Answering a review: every file that the object names is asked of the gate."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from governance import gate, roles
from governance.admission.reviewing import Review
from governance.clusters.naming import DIGEST, Named, Reference, named_in
from governance.gate import Question
from governance.models import Authorisation, EmergencyAuthorisation
from governance.policy import Check
from governance.reconciliation import gone_from_cluster, seen_by_cluster
from registry.acts import act
from registry.models import ModelVersion, User, VersionArtifact

MOST_FILES = 16
SOON = timedelta(days=14)
SECONDS = 4.0  # for all files together: the gate never hangs over five
MOST_TOLD = 5


@dataclass(frozen=True)
class Answer:
    """Allowed or not, and why: for the person at the other end of `kubectl apply`.

    `decisions` are the ids of the gate's recorded answers, none of a dry run.
    """

    allowed: bool
    message: str = ""
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """What the gate said of one file."""

    sha256: str
    allowed: bool
    checks: Sequence[Check]
    decision_id: str = ""
    version: ModelVersion | None = None
    ends_at: datetime | None = None
    broken: bool = False


@dataclass
class _Asking:
    """The questions of one review, while there is time."""

    review: Review
    named: Named
    environment: str
    by: User
    at: datetime
    began: float
    answers: list[_Asked] = field(default_factory=list)

    def ask(self, sha256: str) -> bool:
        """Ask the gate about a file, once; whether time is left for it."""
        if sha256 in {one.sha256 for one in self.answers}:
            return True
        if time.monotonic() - self.began > SECONDS:
            return False
        alone = self.named.digests == (sha256,)
        question = Question(
            environment=self.environment,
            model=self.named.model if alone else "",
            version=self.named.version if alone else "",
            digest=sha256,
        )
        asked = _rehearsed if self.review.dry_run else _decided
        self.answers.append(asked(question, self.by, self.at))
        return True


@act
def admit(
    *, review: Review, environment: str, by: User, at: datetime, began: float
) -> Answer:
    """Whether an object may be stored in a cluster of that environment.

    Every file that it names must be permitted; what names none, or may change without
    a change of the object, is denied. Decisions are recorded as any of the gate, and
    what was admitted counts as running. A dry run records nothing. `began` is when the
    cluster began to wait (`time.monotonic`). Raises `NotAllowed`.
    """
    roles.require(by, "ask the gate", environment=environment)
    if review.operation == "DELETE":
        if not review.dry_run:
            gone_from_cluster(place=review.place, environment=environment, by=by, at=at)
        return Answer(allowed=True)
    if review.runs_as_before:
        return Answer(allowed=True)
    named = named_in(review.content)
    if faults := _faults(named, environment):
        return Answer(allowed=False, message=_denied(review, " ".join(faults)))
    asking = _Asking(review, named, environment, by, at, began)
    if not _ask_all(asking):
        return Answer(
            allowed=False,
            message=_denied(review, _("It takes too long; ask again.")),
            decisions=_ids(asking),
        )
    if any(not one.allowed for one in asking.answers):
        return Answer(
            allowed=False,
            message=_denied(review, _reasons(asking.answers)),
            decisions=_ids(asking),
        )
    if not review.dry_run:
        seen_by_cluster(
            place=review.place,
            environment=environment,
            digests=[one.sha256 for one in asking.answers],
            named=(named.model, named.version),
            by=by,
            at=at,
        )
    return Answer(
        allowed=True,
        decisions=_ids(asking),
        warnings=tuple(_warnings(asking)),
    )


def _faults(named: Named, environment: str) -> list[str]:
    """Why an object is denied before the gate is asked."""
    found = list(named.faults)
    if named.environment and named.environment != environment:
        found.append(
            _("It is meant for %(meant)s, and this cluster is %(place)s.")
            % {"meant": named.environment, "place": environment}
        )
    loose = [one.text for one in named.addresses if not one.sha256]
    loose_images = [one for one in _judged_images(named) if not one.sha256]
    if not _files(named):
        found.append(
            _(
                "It names no model file. Why: only approved files may run. Next: "
                "annotate it with %(name)s, the SHA-256 digest of the model file."
            )
            % {"name": DIGEST}
        )
    elif len(loose) > len(named.digests):
        found.append(
            _(
                "What %(address)s holds may change. Why: a permit is bound to a "
                "digest. Next: annotate it with %(name)s, one digest for each."
            )
            % {"address": _short(loose[0]), "name": DIGEST}
        )
    if loose_images:
        found.append(
            _(
                "The image %(image)s may change. Why: it can carry a model. Next: "
                "name it by digest (@sha256:...) and register its manifest with the "
                "version, or the operator lists it in FREIGABE_KUBERNETES_IMAGES."
            )
            % {"image": _short(loose_images[0].text)}
        )
    if len(_files(named)) > MOST_FILES:
        found.append(_("It names more than %(most)s files.") % {"most": MOST_FILES})
    return found


def _judged_images(named: Named) -> list[Reference]:
    """The images that the operator did not list as carrying no model."""
    return [one for one in named.images if not _carries_no_model(one.text)]


def _carries_no_model(image: str) -> bool:
    path, _colon, tag = image.partition("@")[0].rpartition(":")
    # A colon before a slash is that of a port.
    repository = path if path and "/" not in tag else image.partition("@")[0]
    return any(
        repository.startswith(entry) if entry.endswith("/") else repository == entry
        for entry in settings.FREIGABE_KUBERNETES_IMAGES
    )


def _files(named: Named) -> list[str]:
    """The digests of everything that it names, those of our annotation first."""
    others = (*named.addresses, *_judged_images(named))
    found = (*named.digests, *(one.sha256 for one in others if one.sha256))
    return list(dict.fromkeys(found))


def _ask_all(asking: _Asking) -> bool:
    """Ask about the annotated files, then about what stands beside them.

    A document that was registered with a permitted version needs no permit of its own,
    such as the manifest of the image that serves it.
    """
    files = _files(asking.named)
    first = list(asking.named.digests) or files[:1]
    if not all(asking.ask(sha256) for sha256 in first):
        return False
    parts = VersionArtifact.objects.filter(
        role=VersionArtifact.Part.DOCUMENT,
        version__in=[a.version for a in asking.answers if a.allowed and a.version],
    )
    known = set(parts.values_list("artifact__sha256", flat=True))
    return all(asking.ask(sha256) for sha256 in files if sha256 not in known)


def _decided(question: Question, by: User, at: datetime) -> _Asked:
    row = gate.decide(question=question, by=by, at=at)
    return _Asked(
        question.digest,
        row.allowed,
        [Check(**check) for check in row.checks],
        decision_id=str(row.pk),
        version=row.version,
        ends_at=_ends(row.authorisation),
        broken=row.emergency is not None,
    )


def _rehearsed(question: Question, by: User, at: datetime) -> _Asked:
    case, checks = gate.examine(question, by=by, at=at)
    return _Asked(
        question.digest,
        case is not None and not any(check.blocks for check in checks),
        checks,
        version=case.version if case else None,
        ends_at=_ends(case.authorisation) if case else None,
    )


def _ends(ground: Authorisation | EmergencyAuthorisation | None) -> datetime | None:
    return ground.valid_until if isinstance(ground, Authorisation) else None


def _ids(asking: _Asking) -> tuple[str, ...]:
    return tuple(one.decision_id for one in asking.answers if one.decision_id)


def _denied(review: Review, why: str) -> str:
    return _("Freigabe denies %(place)s: %(why)s") % {
        "place": review.place,
        "why": why,
    }


def _reasons(answers: Iterable[_Asked]) -> str:
    """Check, what was observed, why and what next, of every file that is denied."""
    told = []
    for one in answers:
        if one.allowed:
            continue
        failing = [check for check in one.checks if check.blocks]
        lines = [
            _("%(title)s: %(observed)s. Why: %(because)s Next: %(next)s")
            % {
                "title": check.title,
                "observed": check.observed.rstrip("."),
                "because": check.because,
                "next": check.next_step,
            }
            for check in failing[:MOST_TOLD]
        ]
        if len(failing) > MOST_TOLD:
            lines.append(_("And %(more)s more.") % {"more": len(failing) - MOST_TOLD})
        where = f" ({one.decision_id})" if one.decision_id else ""
        told.append(f"sha256:{one.sha256[:12]}…{where}: " + " ".join(lines))
    return " ".join(told)


def _warnings(asking: _Asking) -> Iterable[str]:
    """What is admitted now and may not be for long. Kubernetes shows 256 signs."""
    for one in asking.answers:
        if one.broken:
            yield _("%(version)s runs by break-glass.") % {"version": one.version}
        elif one.ends_at is not None and one.ends_at < asking.at + SOON:
            yield _("The approval of %(version)s ends on %(end)s.") % {
                "version": one.version,
                "end": one.ends_at.strftime("%Y-%m-%d %H:%M UTC"),
            }
        for check in one.checks:
            if not check.passed and not check.blocks:
                yield f"{check.title}: {check.observed}"[:200]
    for address in asking.named.addresses:
        if not address.sha256:
            yield _(
                "Only the annotation says what %(address)s holds: who may write there "
                "can change it."
            ) % {"address": _short(address.text)}


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
