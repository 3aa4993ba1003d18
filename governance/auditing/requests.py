"""What auditors ask for, and who answered with what."""

from datetime import date, datetime

from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import notifications, records, roles
from governance.models import AuditRequest, AuditRequestStep
from registry.acts import act
from registry.models import RegisteredModel, Role, User

State = AuditRequestStep.State
LONGEST = 10_000


class CannotAsk(records.Refused):
    """The request, or the step with it, is not possible."""


@act
def ask(
    *,
    question: str,
    model: RegisteredModel | None,
    due_on: date,
    by: User,
    at: datetime,
) -> AuditRequest:
    """Ask for a document or an answer until a day; what is about a model goes to its
    owner. Raises `NotAllowed` and `CannotAsk`.
    """
    roles.require(by, "ask as an auditor", model=model)
    roles.require_person(by)
    if model is None and roles.is_outside(by):
        raise CannotAsk({"model": [_("Say about which model of your access.")]})
    _require_text("question", question)
    if due_on < at.date():
        raise CannotAsk({"due_on": [_("The day is over already.")]})
    row = AuditRequest.objects.create(
        question=question, model=model, due_on=due_on, asked_by=by, asked_at=at
    )
    _tell(row, [model.owner] if model else [Role.RISK_MANAGER], _ASKED, at)
    return row


@act
def answer(
    *, request: AuditRequest, text: str, reference: str, by: User, at: datetime
) -> AuditRequestStep:
    """Answer with a text, and perhaps a reference: the address of a page here.

    Raises `NotAllowed` and `CannotAsk`.
    """
    roles.require(by, "answer auditors", model=request.model)
    roles.require_person(by)
    _require_text("text", text)
    if reference and not _is_here(reference):
        raise CannotAsk(
            {"reference": [_("Give the address of a page here, from its first slash.")]}
        )
    row = _step(request, State.ANSWERED, text, reference, by=by, at=at)
    _tell(request, [request.asked_by], _ANSWERED, at)
    return row


@act
def reopen(
    *, request: AuditRequest, text: str, by: User, at: datetime
) -> AuditRequestStep:
    """Say what is still missing. Raises `NotAllowed` and `CannotAsk`."""
    _require_auditor(request, by)
    _require_text("text", text)
    return _step(request, State.OPEN, text, "", by=by, at=at)


@act
def close(
    *, request: AuditRequest, text: str, by: User, at: datetime
) -> AuditRequestStep:
    """Say that the answer is enough, or no longer needed; it is not opened again.

    Raises `NotAllowed` and `CannotAsk`.
    """
    _require_auditor(request, by)
    return _step(request, State.CLOSED, text, "", by=by, at=at)


def requests_for(by: User, *, state: str = "") -> QuerySet[AuditRequest]:
    """The requests that one may see, each with its latest state, see `state_in`.

    An external auditor sees their own, about the models that they may see now.
    """
    steps = AuditRequestStep.objects.filter(request=OuterRef("pk"))
    latest = Subquery(steps.order_by("-sequence").values("state")[:1])
    rows = AuditRequest.objects.select_related("asked_by", "model").annotate(
        latest=Coalesce(latest, Value(State.OPEN.value))
    )
    if state in State.values:
        rows = rows.filter(latest=state)
    if roles.is_outside(by):
        models = by.scope.models if by.scope and by.scope.models else frozenset()
        rows = rows.filter(asked_by=by, model__slug__in=models)
    return rows


def state_in(request: AuditRequest) -> State:
    """The state that `requests_for` read; without steps a request is open."""
    return State(getattr(request, "latest", State.OPEN))


def _step(
    request: AuditRequest,
    state: State,
    text: str,
    reference: str,
    *,
    by: User,
    at: datetime,
) -> AuditRequestStep:
    locked = AuditRequest.objects.select_for_update().get(pk=request.pk)
    latest = locked.steps.order_by("-sequence").first()
    if latest is not None and latest.state == State.CLOSED:
        raise CannotAsk({"text": [_("This request is closed.")]})
    if state == State.OPEN and (latest is None or latest.state == State.OPEN):
        raise CannotAsk({"text": [_("Nobody has answered this request yet.")]})
    return AuditRequestStep.objects.create(
        request=locked,
        sequence=latest.sequence + 1 if latest else 1,
        state=state,
        text=text,
        reference=reference,
        taken_by=by,
        taken_at=at,
    )


def _require_auditor(request: AuditRequest, by: User) -> None:
    """Who asked, or another internal auditor, whose colleague may have left."""
    roles.require(by, "ask as an auditor", model=request.model)
    if request.asked_by_id != by.pk and roles.is_outside(by):
        raise roles.NotAllowed(_("Only who asked says whether the answer is enough."))


def _is_here(address: str) -> bool:
    """Whether a browser would stay here: it ignores tabs, and takes \\ for a slash."""
    here = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return here and address.startswith("/") and address.isprintable()


def _require_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > LONGEST:
        raise CannotAsk(
            {field: [_("Write up to %(count)s characters.") % {"count": LONGEST}]}
        )


_ASKED = gettext_lazy("An auditor asks")
_ANSWERED = gettext_lazy("Your question was answered")


def _tell(
    request: AuditRequest, to: list[User | Role], subject: object, at: datetime
) -> None:
    notifications.tell(
        to=to,
        subject=subject,
        text=gettext_lazy("%(question)s (until %(day)s)"),
        values={
            "question": request.question[:200],
            "day": request.due_on.isoformat(),
        },
        at=at,
        link=f"/auditors/requests/{request.pk}/",
    )
