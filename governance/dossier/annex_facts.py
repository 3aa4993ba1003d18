"""Recorded facts that answer points of Annex IV: the answer, or None where none is."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.dossier.content import Content
from governance.dossier.reading import second


@dataclass(frozen=True)
class Answer:
    """What we say on a point: where in the paper and in dossier.json, and the text."""

    title: str
    text: str
    section: str
    pointer: str


@dataclass(frozen=True)
class Fact:
    """A kind of fact, how it is called, and who records it."""

    title: str | Promise
    who: str | Promise
    find: Callable[[Content], Answer | None]


def _versions(said: Content) -> Answer | None:
    earlier = [
        f"{row.version} ({second(row.registered_at)})"
        for row in said.siblings
        if row.registered_at < said.version.registered_at
    ]
    text = _("Version %(version)s, digest %(digest)s. Earlier versions: %(names)s.") % {
        "version": said.version.version,
        "digest": said.version.sha256,
        "names": ", ".join(earlier) or _("none"),
    }
    return Answer(_("Version"), text, "inventory", "/version")


def _environment(said: Content) -> Answer | None:
    run = said.run
    if run is None or not run.environment_sha256:
        return None
    text = _("Digest of the training environment: %(digest)s") % {
        "digest": run.environment_sha256
    }
    return Answer(_("Environment"), text, "development", "/run/environment_sha256")


def _files(said: Content) -> Answer | None:
    files = [f"{row.file_name} ({row.format})" for row in said.version.files]
    if not files:
        return None
    return Answer(_("Files"), ", ".join(files), "development", "/version/files")


def _method(said: Content) -> Answer | None:
    if not said.version.method:
        return None
    return Answer(_("Method"), said.version.method, "development", "/version/method")


def _run(said: Content) -> Answer | None:
    if said.run is None:
        return None
    text = _("Run %(name)s, code %(repository)s %(commit)s") % {
        "name": said.run.name,
        "repository": said.run.code_repository or "–",
        "commit": said.run.code_commit or "–",
    }
    return Answer(_("Training run"), text, "development", "/run")


def _data(said: Content) -> Answer | None:
    if not said.data:
        return None
    uses = [f"{row.dataset} {row.version} ({row.use})" for row in said.data]
    return Answer(_("Data and lineage"), ", ".join(uses), "data", "/data")


def _risk(said: Content) -> Answer | None:
    if not said.assessments:
        return None
    counts = said.assessments[0]
    text = _("Assessed by %(name)s on %(day)s: score %(score)s, tier %(tier)s.") % {
        "name": counts.assessed_by,
        "day": f"{counts.assessed_at:%Y-%m-%d}",
        "score": counts.score,
        "tier": said.standing.tier,
    }
    return Answer(_("Risk assessment"), text, "risk", "/assessments/0")


def _evidence(kind: str) -> Callable[[Content], Answer | None]:
    def find(said: Content) -> Answer | None:
        for place, item in enumerate(said.evidence):
            if item.kind == kind:
                text = _("%(count)s measurements on %(data)s, reported %(at)s") % {
                    "count": len(item.measurements),
                    "data": item.dataset,
                    "at": second(item.reported_at),
                }
                return Answer(item.label, text, kind, f"/evidence/{place}")
        return None

    return find


_DEVELOPER = gettext_lazy("the developer, when the version is registered")
_MEASURES = gettext_lazy("the developer or a validator, by an evidence run")
FACTS = {
    "versions": Fact(gettext_lazy("Version"), _DEVELOPER, _versions),
    "environment": Fact(
        gettext_lazy("Digest of the environment"), _DEVELOPER, _environment
    ),
    "files": Fact(gettext_lazy("Files"), _DEVELOPER, _files),
    "method": Fact(gettext_lazy("Method"), _DEVELOPER, _method),
    "run": Fact(gettext_lazy("Training run"), _DEVELOPER, _run),
    "data": Fact(gettext_lazy("Data sets of the version"), _DEVELOPER, _data),
    "risk": Fact(
        gettext_lazy("Risk assessment"),
        gettext_lazy("the owner or a risk manager, by assessing the risk"),
        _risk,
    ),
    "performance": Fact(
        gettext_lazy("Performance report"), _MEASURES, _evidence("performance")
    ),
    "fairness": Fact(gettext_lazy("Fairness report"), _MEASURES, _evidence("fairness")),
}
