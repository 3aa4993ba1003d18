"""Declaring which model feeds which; aggregate risk travels along it."""

from datetime import datetime

from django.utils.translation import gettext as _

from governance import roles
from registry.acts import act
from registry.models import Dataset, ModelFeed, RegisteredModel, User


class CannotFeed(Exception):
    """The one model cannot be said to feed the other; `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@act
def declare(
    *,
    upstream: RegisteredModel,
    model: RegisteredModel,
    by: User,
    at: datetime,
    dataset: Dataset | None = None,
    note: str = "",
    ended: bool = False,
) -> ModelFeed:
    """Record that `upstream` feeds `model`; `ended`, with a note, that it does no more.

    Raises `NotAllowed`, `CannotFeed`.
    """
    roles.require(by, "change inventory records", model=model)
    roles.require_person(by)
    if upstream.pk == model.pk:
        raise CannotFeed("upstream", _("A model does not feed itself."))
    if ended and not note.strip():
        raise CannotFeed("note", _("Say why it no longer feeds it."))
    RegisteredModel.objects.select_for_update(of=("self",)).get(pk=model.pk)
    last = (
        ModelFeed.objects.filter(upstream=upstream, model=model)
        .order_by("-sequence")
        .first()
    )
    if ended and (last is None or last.ended):
        raise CannotFeed("upstream", _("It is not declared to feed it."))
    return ModelFeed.objects.create(
        upstream=upstream,
        model=model,
        dataset=dataset,
        ended=ended,
        note=note,
        declared_by=by,
        declared_at=at,
        sequence=last.sequence + 1 if last else 1,
    )
