"""Drafts of policy packs: writing, trying out, publishing with a signature."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import policy, publishing, records, roles, simulation
from governance.models import PackDraft, PackStep, Simulation
from governance.policy import Check, InvalidPack
from governance.policy.parsing import LONGEST
from governance.signatures import NotSigned
from governance.web import kept
from governance.web.frame import PersonRequest, ReasonForm, page, put_errors, show
from governance.web.moments import UtcField
from governance.web.policy import shown
from governance.web.proof import ProofForm

_REFUSALS = (
    roles.NotAllowed,
    publishing.WrongState,
    publishing.SameAuthor,
    records.Refused,
    InvalidPack,
)


# The steps that need a reason, by the word of their button.
REASONED: dict[str, Callable[..., PackStep]] = {
    "return": publishing.send_back,
    "discard": publishing.discard,
}


class WriteForm(forms.Form):
    """The text of a pack."""

    document = forms.CharField(
        label=gettext_lazy("The pack, as YAML"),
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"}),
    )
    comment = forms.CharField(
        label=gettext_lazy("What changed"), required=False, max_length=10_000
    )


@page
def write(request: PersonRequest) -> HttpResponse:
    """Write a revision; `?from=` begins with the text of a shipped pack or a draft."""
    form = WriteForm(request.POST or None, initial={"document": _begin(request)})
    if request.method == "POST" and form.is_valid():
        try:
            row = publishing.write(
                text=form.cleaned_data["document"].replace("\r\n", "\n"),
                comment=form.cleaned_data["comment"],
                by=request.user,
                at=timezone.now(),
            )
            return redirect("web:policy_draft", row.draft_id)
        except InvalidPack as refusal:
            put_errors(form, {"document": refusal.errors})
        except (roles.NotAllowed, publishing.WrongState) as refusal:
            put_errors(form, {"__all__": [str(refusal)]})
    context = {"form": form, "shipped": publishing.shipped()}
    return show(request, "policy/write.html", context, section="policy")


def _begin(request: PersonRequest) -> str:
    draft = request.GET.get("draft", "")
    if draft:
        known = PackDraft.objects.filter(pk__in=[draft] if _is_uuid(draft) else [])
        return publishing.text_of(get_object_or_404(known)).document
    return publishing.shipped().get(request.GET.get("from", ""), "")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class PublishForm(ProofForm):
    """From when it binds, and the signature."""

    effective_from = UtcField(
        label=gettext_lazy("In force from (UTC)"),
        required=False,
        help_text=gettext_lazy("Empty: as the pack says, else at once."),
    )
    grandfathered_until = UtcField(
        label=gettext_lazy("Earlier approvals keep the earlier version until (UTC)"),
        required=False,
    )
    sha256 = forms.CharField(widget=forms.HiddenInput)


@page
def draft_page(request: PersonRequest, draft_id: UUID) -> HttpResponse:
    """Show a draft and what it would change; publish on POST."""
    row = _find(draft_id)
    form = _publish_form(request, row, request.POST or None)
    if request.method == "POST" and form.is_valid() and _publish(request, row, form):
        return redirect("web:policy")
    return _shown(request, row, form, {})


def _find(draft_id: UUID) -> PackDraft:
    return get_object_or_404(PackDraft.objects.select_related("opened_by"), pk=draft_id)


def _publish_form(
    request: PersonRequest, row: PackDraft, data: QueryDict | None
) -> PublishForm:
    initial = {"sha256": publishing.text_of(row).sha256}
    return PublishForm(data, request=request, initial=initial)


def _shown(
    request: PersonRequest,
    row: PackDraft,
    form: PublishForm,
    reasons: Mapping[str, ReasonForm],
) -> HttpResponse:
    """The page of a draft; `reasons` holds the form of a step that was refused."""
    revision = publishing.text_of(row)
    pack = policy.parse(revision.document)
    state = publishing.state_of(row)
    return show(
        request,
        "policy/draft.html",
        {
            "draft": row,
            "revision": revision,
            "state": state,
            "revisions": row.revisions.select_related("written_by"),
            "simulations": Simulation.objects.filter(revision__draft=row),
            "form": form if state == PackStep.State.REVIEW else None,
            "reasons": {
                name: reasons.get(name) or ReasonForm(auto_id=f"id_{name}_%s")
                for name in REASONED
            },
            "writing": state == PackStep.State.DRAFT,
            "open": state in (PackStep.State.DRAFT, PackStep.State.REVIEW),
            "may_write": roles.may(request.user, "write policy"),
            **shown(pack, timezone.now().date(), early_adoption=False),
        },
        section="policy",
    )


def _publish(request: PersonRequest, row: PackDraft, form: PublishForm) -> bool:
    data = form.cleaned_data
    try:
        publishing.publish(
            draft=row,
            sha256=data["sha256"],
            effective_from=data["effective_from"],
            grandfathered_until=data["grandfathered_until"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        )
    except NotSigned as refusal:
        form.refuse(refusal)
    except records.Refused as refusal:
        put_errors(form, refusal.errors)
    except _REFUSALS as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        messages.success(request, _("Published."))
        return True
    return False


@page
@require_POST
def step(request: PersonRequest, draft_id: UUID) -> HttpResponse:
    """Hand in, send back, discard or try out a draft, as the button says."""
    row = _find(draft_id)
    said = request.POST.get("step", "")
    facts: dict[str, Any] = {"by": request.user, "at": timezone.now()}
    if said in REASONED:
        return _reasoned(request, row, said, facts)
    try:
        match said:
            case "review":
                publishing.ask_for_review(draft=row, **facts)
            case "simulate":
                found = simulation.simulate(revision=publishing.text_of(row), **facts)
                return redirect("web:simulation", found.pk)
    except _REFUSALS as refusal:
        messages.error(request, str(refusal))
    return redirect("web:policy_draft", row.pk)


def _reasoned(
    request: PersonRequest, row: PackDraft, said: str, facts: dict[str, Any]
) -> HttpResponse:
    """Send back or discard; a refusal keeps the reason that was typed."""
    form = ReasonForm(request.POST, auto_id=f"id_{said}_%s")
    if form.is_valid():
        try:
            REASONED[said](draft=row, reason=form.cleaned_data["reason"], **facts)
            return redirect("web:policy_draft", row.pk)
        except _REFUSALS as refusal:
            # Above the page: the form is not shown to those who may not, or too late.
            messages.error(request, str(refusal))
    return _shown(request, row, _publish_form(request, row, None), {said: form})


@page
def simulation_page(request: PersonRequest, simulation_id: UUID) -> HttpResponse:
    """Which versions would lose their permit, and by which rules."""
    roles.require(request.user, "read", model="*")
    row = get_object_or_404(
        Simulation.objects.select_related("simulated_by", "revision"), pk=simulation_id
    )
    context = {"row": row, "found": _readable(row)}
    return show(request, "policy/simulation.html", context, section="policy")


def _readable(row: Simulation) -> dict[str, Any]:
    """The result that was kept, its rules in the reader's language."""
    found: dict[str, Any] = json.loads(row.document)
    failing = [item for loss in found["losses"] for item in loss["failing"]]
    drafts = [row.revision.document] if row.revision else []
    rules = kept.rules_of((item["pack"] for item in failing), drafts=drafts)
    for item in failing:
        check = Check(**item, passed=False, because="")
        told = kept.read(check, rules)
        item |= {"title": told.title, "observed": told.observed}
    return found
