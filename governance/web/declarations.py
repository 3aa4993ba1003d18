"""Declarations on pages: the forms follow from the kinds, the list is the history."""

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import declared, declaring, roles, signatures
from governance.declarable import KINDS, Field, Kind
from governance.models import Declaration, RecordSignature
from governance.records import Refused
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.numbers import NumberField
from governance.web.proof import ProofForm
from registry.models import Dataset, ModelVersion, RegisteredModel

Subject = RegisteredModel | ModelVersion | Dataset | None
_PAGE = 50


class DeclareForm(ProofForm):
    """The fields of one kind, its end if it has one, and who signs."""

    valid_until = forms.DateField(
        label=gettext_lazy("Valid until (if it ends)"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        for field in kind.fields:
            self.fields[f"field_{field.name}"] = _form_field(field)
        named = [f"field_{field.name}" for field in kind.fields]
        self.order_fields([*named, *[n for n in self.fields if n not in named]])

    def facts(self) -> dict[str, Any]:
        """The fields as the act takes them; what was left empty is left out."""
        found: dict[str, Any] = {}
        for field in self.kind.fields:
            value = self.cleaned_data.get(f"field_{field.name}")
            if value in (None, "", []):
                continue
            if field.type == "boolean":
                value = value == "yes"
            found[field.name] = value.isoformat() if isinstance(value, date) else value
        return found

    def refuse_fields(self, refusal: Refused) -> None:
        """Put the sentences beside their fields."""
        renamed = {
            name.replace("fields/", "field_"): texts
            for name, texts in refusal.errors.items()
        }
        put_errors(self, renamed)


def _form_field(field: Field) -> forms.Field:
    """The form field that fits a field of a declaration."""
    said: dict[str, Any] = {"label": field.title, "required": not field.optional}
    limits: dict[str, Any] = {
        f"{k[:3]}_value": value for k, value in field.limits.items()
    }
    if field.type == "boolean":
        answers = [("", ""), ("yes", _("yes")), ("no", _("no"))]
        return forms.ChoiceField(choices=answers, **said)
    if field.type in ("choice", "outcome"):
        return forms.ChoiceField(choices=[("", ""), *field.options()], **said)
    if field.type == "choices":
        boxes = forms.CheckboxSelectMultiple()
        return forms.MultipleChoiceField(choices=field.options(), widget=boxes, **said)
    if field.type == "date":
        day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        return forms.DateField(widget=day, **said)
    if field.type == "integer":
        return forms.IntegerField(**said, **limits)
    if field.type == "number":
        return NumberField(**said, **limits)
    if field.type == "text":
        area = forms.Textarea(attrs={"rows": 3})
        return forms.CharField(widget=area, max_length=20_000, **said)
    return forms.CharField(max_length=1000, **said)


def _kinds(subject: str, request: PersonRequest) -> list[Kind]:
    """The kinds that this person may declare about such a thing, by title."""
    found = [
        kind
        for kind in KINDS.values()
        if subject in kind.about and declaring.may_declare(kind, request.user)
    ]
    return sorted(found, key=lambda kind: kind.title)


def _find(about: str, key: str) -> Subject:
    """The thing by its word and its name in the address: a slug, or slug@version."""
    if not key.isprintable():
        raise Http404
    if about == "model":
        return get_object_or_404(RegisteredModel, slug=key)
    if about == "dataset":
        return get_object_or_404(Dataset, slug=key)
    if about == "version":
        slug, _at, number = key.partition("@")
        rows = ModelVersion.objects.select_related("model")
        return get_object_or_404(rows, model__slug=slug, version=number)
    if about == "installation" and key == "all":
        return None
    raise Http404


@page
def declarations(request: PersonRequest, about: str, key: str) -> HttpResponse:
    """What was declared about one thing, the newest first, and what may be declared."""
    subject = _find(about, key)
    named = {"model": None, "version": None, "dataset": None}
    wanted = named if subject is None else {about: subject}
    rows = Declaration.objects.filter(**wanted).select_related("made_by", "person")
    found = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "declarations/list.html",
        {
            "about": about,
            "key": key,
            "subject": subject,
            "rows": found,
            "kinds": _kinds(about, request),
        },
        section="models",
    )


@page
def declare(request: PersonRequest, about: str, key: str, kind: str) -> HttpResponse:
    """Declare one kind about one thing."""
    subject, chosen = _find(about, key), KINDS.get(kind)
    if chosen is None or about not in chosen.about:
        raise Http404
    roles.require(request.user, declaring.RIGHT)
    form = DeclareForm(request.POST or None, request=request, kind=chosen)
    if request.method == "POST" and form.is_valid():
        row = _declare(request, form, about, subject)
        if row is not None:
            messages.success(
                request,
                _("Declared. The record has the digest %(digest)s.")
                % {"digest": row.record_sha256},
            )
            return redirect("web:declaration", row.pk)
    return show(
        request,
        "declarations/declare.html",
        {"form": form, "kind": chosen, "about": about, "key": key, "subject": subject},
        section="models",
    )


def _declare(
    request: PersonRequest, form: DeclareForm, about: str, subject: Subject
) -> Declaration | None:
    """Declare it, or put the reason why not beside its field."""
    named: dict[str, Any] = {} if subject is None else {about: subject}
    try:
        return declaring.declare(
            kind=form.kind.name,
            fields=form.facts(),
            proof=form.proof,
            valid_until=form.cleaned_data["valid_until"],
            by=request.user,
            at=timezone.now(),
            **named,
        )
    except Refused as refusal:
        form.refuse_fields(refusal)
    except signatures.NotSigned as refusal:
        form.refuse(refusal)
    return None


@page
def declaration(request: PersonRequest, declaration_id: UUID) -> HttpResponse:
    """One declaration: what was stated, and the signature under it."""
    rows = Declaration.objects.select_related(
        "made_by", "person", "model", "version__model", "dataset"
    )
    row = get_object_or_404(rows, pk=declaration_id)
    signed = RecordSignature.objects.filter(
        record_type="declaration", record_id=row.pk
    ).first()
    return show(
        request,
        "declarations/declaration.html",
        {
            "row": row,
            "kind": KINDS.get(row.kind),
            "facts": declared.said(row),
            "signature": signed,
        },
        section="models",
    )
