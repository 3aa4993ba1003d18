"""Published matrices, and drafts: uploaded, previewed, published by another."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from governance import matrices, matrix_publishing, roles, simulation
from governance.matrix_lint import LONGEST, InvalidMatrix
from governance.matrix_publishing import CannotPublish
from governance.models import MatrixDraft, RiskMatrix, Simulation
from governance.signatures import NotSigned
from governance.web import matrix
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.proof import ProofForm


class DraftForm(forms.Form):
    """A matrix as text or file, why, and from when it would count."""

    document = forms.CharField(
        label=gettext_lazy("The matrix, in JSON or YAML"),
        required=False,
        strip=False,
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
    )
    file = forms.FileField(
        label=gettext_lazy("or as a file"),
        required=False,
        help_text=gettext_lazy("It is read instead of the text above."),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why it is needed"), widget=forms.Textarea(attrs={"rows": 2})
    )
    effective_from = forms.DateTimeField(
        label=gettext_lazy("Counts from"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("Empty: from its publication."),
    )

    def text(self) -> str:
        """What was sent, as text. Raises `InvalidMatrix`."""
        file = self.cleaned_data["file"]
        if file is None:
            return str(self.cleaned_data["document"])
        if file.size > LONGEST:
            raise InvalidMatrix([_("The text is too long for a matrix.")])
        try:
            return str(file.read().decode())
        except UnicodeDecodeError as error:
            raise InvalidMatrix([_("The file is not text in UTF-8.")]) from error


class PublishForm(ProofForm):
    """The preview that was seen, and who signs."""

    preview_sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)


@page
def matrices_page(request: PersonRequest) -> HttpResponse:
    """List what is published and what is drafted; take a new draft on POST."""
    form = DraftForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        row = _draft(request, form)
        if row is not None:
            return redirect("web:matrix_draft", row.pk)
    published = RiskMatrix.objects.select_related("published_by", "draft__drafted_by")
    return show(
        request,
        "risk/matrices.html",
        {
            "form": form,
            "published": [
                (row, matrices.of(row), matrix.draw(row))
                for row in published.order_by("slug", "-version")
            ],
            "drafts": MatrixDraft.objects.select_related("drafted_by", "published"),
            "may_draft": roles.may(request.user, "draft risk matrices"),
        },
        section="risk",
    )


def _draft(request: PersonRequest, form: DraftForm) -> MatrixDraft | None:
    try:
        return matrix_publishing.draft(
            text=form.text(),
            reason=form.cleaned_data["reason"],
            effective_from=form.cleaned_data["effective_from"],
            by=request.user,
            at=timezone.now(),
        )
    except InvalidMatrix as refusal:
        put_errors(form, {"document": refusal.errors})
    except CannotPublish as refusal:
        put_errors(form, {refusal.field or "__all__": [str(refusal)]})
    return None


@page
def draft_page(request: PersonRequest, draft_id: UUID) -> HttpResponse:
    """Show a draft and what it would change; publish it on POST."""
    rows = MatrixDraft.objects.select_related("drafted_by", "published")
    row = get_object_or_404(rows, pk=draft_id)
    published = hasattr(row, "published")
    seen = problem = None
    if not published:
        try:
            seen = matrix_publishing.preview(row, at=timezone.now())
        except CannotPublish as refusal:
            problem = str(refusal)
    form = PublishForm(
        request.POST or None,
        request=request,
        initial={"preview_sha256": seen.sha256 if seen else ""},
    )
    if request.method == "POST" and form.is_valid() and _publish(request, row, form):
        messages.success(request, _("The matrix is published."))
        return redirect("web:matrices")
    table = matrices.parse(row.document)
    drawn = matrix.draw(RiskMatrix(slug=row.slug, document=row.document))
    may = roles.may(request.user, "publish risk matrices")
    return show(
        request,
        "risk/draft.html",
        {
            "draft": row,
            "published": published,
            "table": table,
            "matrix": drawn,
            "preview": seen,
            "problem": problem,
            "simulations": Simulation.objects.filter(
                revision=None, subject=simulation.subject_of(row)
            ),
            "may_simulate": roles.may(request.user, "simulate policy"),
            "form": form if may and row.drafted_by_id != request.user.pk else None,
        },
        section="risk",
    )


@page
@require_POST
def simulate(request: PersonRequest, draft_id: UUID) -> HttpResponse:
    """Try a draft out on every authorisation in force."""
    row = get_object_or_404(MatrixDraft, pk=draft_id)
    try:
        found = simulation.simulate_matrix(
            draft=row, by=request.user, at=timezone.now()
        )
    except CannotPublish as refusal:
        messages.error(request, str(refusal))
        return redirect("web:matrix_draft", row.pk)
    return redirect("web:simulation", found.pk)


def _publish(request: PersonRequest, row: MatrixDraft, form: PublishForm) -> bool:
    try:
        matrix_publishing.publish(
            draft=row,
            preview_sha256=form.cleaned_data["preview_sha256"],
            proof=form.proof,
            by=request.user,
            at=timezone.now(),
        )
    except NotSigned as refusal:
        form.refuse(refusal)
    except CannotPublish as refusal:
        put_errors(form, {"__all__": [str(refusal)]})
    else:
        return True
    return False
