"""The pages of data sets: the list, and one data set with its versions."""

from django import forms
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from governance.web.frame import PersonRequest, page, show
from registry.models import Column, Dataset, DatasetVersion, VersionDataset

PER_PAGE = 50
VERSIONS = 20


class FilterForm(forms.Form):
    """What to list."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    after = forms.SlugField(required=False, widget=forms.HiddenInput)

    def wished(self) -> QuerySet[Dataset]:
        """By short name, those whose name, source or description has the words."""
        rows = Dataset.objects.order_by("slug")
        if not self.is_valid():
            return rows.none()
        for word in self.cleaned_data["q"].split():
            rows = (
                rows.filter(name__icontains=word)
                | rows.filter(slug__icontains=word)
                | rows.filter(source__icontains=word)
            )
        return rows.filter(slug__gt=self.cleaned_data["after"])


def _counted(rows: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """With the number of its versions, and of the models that used any of them."""
    versions = DatasetVersion.objects.filter(dataset=OuterRef("pk")).order_by()
    links = VersionDataset.objects.filter(dataset_version__dataset=OuterRef("pk"))
    counted = versions.values("dataset").annotate(n=Count("pk")).values("n")
    using = (
        links.order_by()
        .values("dataset_version__dataset")
        .annotate(n=Count("version__model", distinct=True))
        .values("n")
    )
    return rows.annotate(
        version_count=Coalesce(Subquery(counted), 0),
        model_count=Coalesce(Subquery(using), 0),
    )


@page
def datasets_page(request: PersonRequest) -> HttpResponse:
    """List the data sets, a page at a time."""
    form = FilterForm(request.GET)
    rows = list(_counted(form.wished())[: PER_PAGE + 1])
    return show(
        request,
        "lineage/datasets.html",
        {
            "form": form,
            "rows": rows[:PER_PAGE],
            "more": rows[PER_PAGE - 1].slug if len(rows) > PER_PAGE else "",
        },
        section="datasets",
    )


@page
def dataset_page(request: PersonRequest, slug: str) -> HttpResponse:
    """One data set: what it is, its versions, the columns of the newest."""
    dataset = get_object_or_404(
        _counted(Dataset.objects.select_related("registered_by")), slug=slug
    )
    versions = list(
        dataset.versions.select_related("registered_by", "artifact").order_by(
            "-version"
        )[:VERSIONS]
    )
    newest = versions[0] if versions else None
    return show(
        request,
        "lineage/dataset_page.html",
        {
            "dataset": dataset,
            "versions": versions,
            "newest": newest,
            "columns": _columns(newest) if newest else [],
        },
        section="datasets",
    )


def _columns(version: DatasetVersion) -> list[tuple[str, str, str]]:
    """Name, type and role of each column."""
    labels = {column.value: str(column.label) for column in Column}
    return [
        (c["name"], c.get("type", ""), labels.get(c["role"], c["role"]))
        for c in version.columns
    ]
