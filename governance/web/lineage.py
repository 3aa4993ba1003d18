"""The pages of lineage: of a model, and of a data set with who learned from it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.validators import slug_re
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.web import outside
from governance.web.drawing import draw
from governance.web.frame import PersonRequest, page, show
from registry import tracing
from registry.models import (
    Dataset,
    DatasetVersion,
    Deployment,
    RegisteredModel,
    VersionDataset,
)

PER_PAGE = 50


@dataclass(frozen=True)
class Place:
    """Where a model runs, and whether the running version used the data."""

    deployment: Deployment
    used: bool


@dataclass(frozen=True)
class Learner:
    """A model of which versions used a data set, in words, and where it runs."""

    model: RegisteredModel
    uses: str
    places: Sequence[Place]


@page
def model_lineage(request: PersonRequest, slug: str) -> HttpResponse:
    """Where the versions of a model come from, where they run, what they feed."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    trace = tracing.of_model(model)
    graph = outside.bounded(trace.graph, request.user)
    opened = request.GET.getlist("open")
    return show(
        request,
        "lineage/model.html",
        {
            "model": model,
            "lineage": draw(graph, opened=opened, left_out=trace.left_out),
        },
        section="models",
    )


@page
def dataset_lineage(request: PersonRequest, slug: str) -> HttpResponse:
    """Which models learned from a data set, or a version of it, and where they run."""
    dataset = get_object_or_404(Dataset, slug=slug)
    number = _number(request.GET.get("version", ""))
    chosen = None
    if number is not None:
        chosen = get_object_or_404(dataset.versions, version=number)
    learners, more = _learners(dataset, chosen, _slug(request.GET.get("after", "")))
    trace = tracing.of_dataset(dataset, number)
    graph = outside.bounded(trace.graph, request.user)
    opened = request.GET.getlist("open")
    return show(
        request,
        "lineage/dataset.html",
        {
            "dataset": dataset,
            "chosen": chosen,
            "versions": dataset.versions.order_by("-version")[:20],
            "learners": learners,
            "more": more,
            "lineage": draw(
                graph, opened=opened, left_out=trace.left_out, joining=True
            ),
        },
        section="datasets",
    )


def _number(text: str) -> int | None:
    """The number of a version of a data set; empty asks for all."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Http404(_("Versions of data sets are numbers."))
    return int(text)


def _slug(text: str) -> str:
    """A short name as it is; what is none begins at the first."""
    return text if slug_re.fullmatch(text) else ""


def used_by(dataset: Dataset, chosen: DatasetVersion | None) -> Q:
    """Which links of versions to data sets are meant."""
    if chosen is not None:
        return Q(dataset_version=chosen)
    return Q(dataset_version__dataset=dataset)


def _learners(
    dataset: Dataset, chosen: DatasetVersion | None, after: str
) -> tuple[list[Learner], str]:
    """Models by short name from `after` on, and where the next page begins."""
    links = VersionDataset.objects.filter(used_by(dataset, chosen))
    models = RegisteredModel.objects.filter(
        Exists(links.filter(version__model=OuterRef("pk"))), slug__gt=after
    )
    rows = list(models.order_by("slug")[: PER_PAGE + 1])
    shown = rows[:PER_PAGE]
    uses: dict[UUID, list[str]] = defaultdict(list)
    counts = links.filter(version__model__in=shown).order_by()
    for model, use, n in (
        counts.values_list("version__model", "use")
        .annotate(n=Count("version", distinct=True))
        .order_by("-use")
    ):
        uses[model].append(_use(use, n))
    places: dict[UUID, list[Place]] = defaultdict(list)
    for row in _running(shown, links.filter(version=OuterRef("version"))):
        place = Place(row, used=row.used)
        places[row.version.model_id].append(place)
    found = [Learner(m, ", ".join(uses[m.pk]), places[m.pk]) for m in shown]
    return found, shown[-1].slug if len(rows) > PER_PAGE else ""


def _running(
    models: Sequence[RegisteredModel], links: QuerySet[VersionDataset]
) -> Iterable[Any]:
    """The last word on each model and environment, with `used`."""
    latest = Deployment.objects.filter(version__model__in=models).order_by(
        "version__model_id", "environment__name", "environment_id", "-reported_at"
    )
    return (
        latest.distinct("version__model_id", "environment__name", "environment_id")
        .select_related("version__model", "environment")
        .annotate(used=Exists(links))
    )


def _use(use: str, n: int) -> str:
    """How many versions used the data for what."""
    said = {
        VersionDataset.Use.TRAINING: ngettext(
            "%(n)s version learned from it", "%(n)s versions learned from it", n
        ),
        VersionDataset.Use.TEST: ngettext(
            "%(n)s was tested on it", "%(n)s were tested on it", n
        ),
        VersionDataset.Use.BACKGROUND: ngettext(
            "%(n)s is explained against it", "%(n)s are explained against it", n
        ),
    }
    return said[VersionDataset.Use(use)] % {"n": n}
