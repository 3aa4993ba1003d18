"""Which version a server asks about: exactly one, or none.

A webhook names a commit, no model. The pipeline asked the gate before, with the token
of its run, and that question is found again by the run; a version also by the commit
that it was trained from (GitLab), or by name (Azure DevOps). docs/decisions/0051.
"""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from uuid import UUID

from django.utils.translation import gettext as _

from governance.forges.agreeing import in_force
from governance.gate import Question
from governance.models import Forge, ForgePlace, ForgeRequest, GateDecision
from registry.models import ModelVersion

Kind = Forge.Kind
# A run that waits for its environment longer than this has ended (GitHub: 30 days).
LONGEST_RUN = timedelta(days=35)
_PROJECT = {
    Kind.GITHUB: "repository_id",
    Kind.GITLAB: "project_id",
    Kind.AZURE: "prj_id",
}


class NoMeaning(Exception):
    """Nobody can tell what is asked; the text says why, and what to do."""


def place_of(row: ForgeRequest) -> ForgePlace:
    """The place in force that was agreed for it. Raises `NoMeaning`."""
    rows = in_force(row.forge).filter(
        project_id=row.project_id, owner_id=row.owner_id, target=row.target
    )
    found = list(rows.select_related("environment")[:2])
    if len(found) == 1:
        return found[0]
    raise NoMeaning(
        _(
            "Nobody agreed what %(target)s of the project %(project)s means here. An "
            "administrator proposes it, and a risk manager or compliance officer "
            "confirms it."
        )
        % {"target": row.target, "project": row.project_id}
    )


def question_of(row: ForgeRequest, place: ForgePlace) -> Question:
    """What to ask the gate. Raises `NoMeaning` for no version, and for several."""
    earlier = list(_asked_before(row, place)) if _joins(row) else []
    versions: set[UUID | None] = {one.version_id for one in earlier}
    versions.update(_named(row, place))
    digests = {one.asked_digest for one in earlier if one.asked_digest}
    if not versions:
        raise NoMeaning(
            _(
                "No version is known for this run. Its pipeline asks the gate for "
                "%(environment)s with its id token first, in a job before this one."
            )
            % {"environment": place.environment.slug}
        )
    known = [one for one in versions if one is not None]
    if len(known) < len(versions):
        raise NoMeaning(_("This run asked for a version that is not registered."))
    if len(known) > 1 or len(digests) > 1:
        raise NoMeaning(
            _("This run asked for several versions. Start a new run for each of them.")
        )
    version = ModelVersion.objects.select_related("model").get(pk=known[0])
    if not fnmatchcase(version.model.slug, place.models_pattern):
        raise NoMeaning(
            _("%(model)s is not among the models agreed here: %(pattern)s.")
            % {"model": version.model.slug, "pattern": place.models_pattern}
        )
    return Question(
        environment=place.environment.slug,
        model=version.model.slug,
        version=version.version,
        digest=digests.pop() if digests else "",
    )


def _joins(row: ForgeRequest) -> bool:
    return bool(row.sha if row.forge.kind == Kind.GITLAB else row.run)


def _asked_before(row: ForgeRequest, place: ForgePlace) -> Iterator[GateDecision]:
    """What this run asked the gate for this place, by rules that still count."""
    kind = Kind(row.forge.kind)
    same = {_PROJECT[kind]: row.project_id}
    if kind != Kind.GITLAB:
        same["run_id"] = row.run
    if kind != Kind.AZURE:
        same["sha"] = row.sha
    rows = GateDecision.objects.filter(
        pipeline_token__rule__kind=kind,
        pipeline_token__rule__issuer=row.forge.issuer,
        pipeline_token__rule__confirmation__isnull=False,
        pipeline_token__rule__end__isnull=True,
        pipeline_token__rule__user__is_active=True,
        pipeline_token__first_used_at__gte=row.received_at - LONGEST_RUN,
        pipeline_token__claims__contains=same,
        asked_environment=place.environment.slug,
    )
    yield from rows.only("version_id", "asked_digest")


def _named(row: ForgeRequest, place: ForgePlace) -> Iterator[UUID | None]:
    """The version that was trained from the commit, or that the check names."""
    if row.forge.kind == Kind.GITLAB:
        rows = ModelVersion.objects.filter(run__code_commit=row.sha)
        for key, slug in rows.values_list("pk", "model__slug"):
            if fnmatchcase(slug, place.models_pattern):
                yield key
    if row.asked_model or row.asked_version:
        found = ModelVersion.objects.filter(
            model__slug=row.asked_model, version=row.asked_version
        ).first()
        yield found.pk if found else None
