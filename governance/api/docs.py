"""`docs`: all calls of the API for people to read."""

from itertools import groupby

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from governance.api.calls import Call, calls


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """List every call with what it does; `?q=` only those that speak of a text."""
    wanted = request.GET.get("q", "").strip()
    found = [one for one in calls().values() if _speaks_of(one, wanted.casefold())]
    found.sort(key=lambda one: one.group)
    groups = [(group, list(of)) for group, of in groupby(found, lambda one: one.group)]
    context = {"groups": groups, "wanted": wanted, "number": len(found)}
    return render(request, "api/docs.html", context)


def _speaks_of(call: Call, text: str) -> bool:
    said = f"{call.method} {call.path} {call.text}"
    return text in said.casefold()


@require_safe
def call(request: HttpRequest, key: str) -> HttpResponse:
    """Show one call: an example, its parameters, what is sent and what is answered."""
    if key not in calls():
        raise Http404
    return render(request, "api/call.html", {"call": calls()[key]})
