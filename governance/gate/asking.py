"""What a pipeline asks, and which version it means."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from governance.policy import Check
from registry.models import ModelVersion, VersionArtifact


@dataclass(frozen=True)
class Question:
    """What a pipeline asks: by model and version, or by the artifact's digest."""

    environment: str
    model: str = ""
    version: str = ""
    digest: str = ""


class AmbiguousQuestion(Exception):
    """`field` must be given, or contradicts another."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_question(question: Question) -> None:
    """Refuse a question that names too little. Raises `AmbiguousQuestion`."""
    if not question.environment:
        raise AmbiguousQuestion("environment", _("Name the environment."))
    if not question.digest and not (question.model and question.version):
        field = "version" if question.model else "model"
        raise AmbiguousQuestion(
            field, _("Name model and version, or the digest of the model file.")
        )


def find(question: Question) -> tuple[ModelVersion | None, Check]:
    """The one version that fits everything that was asked."""
    versions = ModelVersion.objects.select_related(
        "model__owner", "model__developer", "run"
    )
    if question.model:
        versions = versions.filter(model__slug=question.model)
    if question.version:
        versions = versions.filter(version=question.version)
    if not (question.model and question.version):
        digest = bare(question.digest)
        parts = VersionArtifact.objects.filter(artifact__sha256=digest, role="model")
        versions = versions.filter(version_artifacts__in=parts)
    matches = list(versions.order_by()[:2])
    found = matches[0] if len(matches) == 1 else None
    if found is not None:
        return found, known(question)
    if len(matches) > 1:
        observed = _("several versions have this file")
        next_step = _("Name model and version too.")
    else:
        observed = _("%(it)s is not registered") % {"it": _asked(question)}
        next_step = _("The developer registers the model and this version.")
    return None, _known(observed, next_step)


def known(question: Question) -> Check:
    """That there is one version which the question means."""
    return _known(_asked(question), "")


def _asked(question: Question) -> str:
    return f"{question.model} {question.version}".strip() or question.digest


def _known(observed: str, next_step: str) -> Check:
    return Check(
        "gate-version",
        _("The version is known"),
        passed=not next_step,
        observed=observed,
        because=_("Only registered versions may run."),
        next_step=next_step,
    )


def bare(digest: str) -> str:
    """A digest without the name of its algorithm."""
    return digest.lower().removeprefix("sha256:")
