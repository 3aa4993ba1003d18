"""Evaluation records: what every rule said of a version, and whether it repeats."""

import json
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from governance import evaluations, roles
from governance.models import Evaluation
from governance.web.frame import PersonRequest, page, show
from governance.web.versions import find_version

AT_MOST = 100


@page
def evaluations_page(request: PersonRequest, slug: str, version: str) -> HttpResponse:
    """The newest records of a version."""
    row = find_version(slug, version)
    roles.require(request.user, "read", model=row.model)
    rows = row.evaluations.select_related("environment", "evaluated_by")
    context = {"version": row, "model": row.model, "rows": rows[:AT_MOST]}
    return show(request, "policy/evaluations.html", context, section="models")


@page
def evaluation_page(request: PersonRequest, evaluation_id: UUID) -> HttpResponse:
    """One record, and whether running it again gives the same bytes."""
    rows = Evaluation.objects.select_related(
        "environment", "version__model", "evaluated_by"
    )
    row = get_object_or_404(rows, pk=evaluation_id)
    model = row.version.model
    roles.require(request.user, "read", model=model, environment=row.environment)
    try:
        repeats = evaluations.again(row) == row.document
        problem = "" if repeats else _("Running it again gives other bytes.")
    except evaluations.CannotRepeat as refusal:
        repeats, problem = False, str(refusal)
    kept = json.loads(row.document)
    context = {
        "row": row,
        "model": model,
        "repeats": repeats,
        "problem": problem,
        "packs": kept["packs"],
        "checks": sorted(kept["results"], key=lambda check: check["passed"]),
    }
    return show(request, "policy/evaluation.html", context, section="models")
