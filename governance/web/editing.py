"""Changing the inventory record of a model, without undoing what others changed."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from governance import roles
from governance.inventory_words import in_words
from governance.records import Refused
from governance.registration import Overtaken, change_inventory
from governance.web.frame import PersonRequest, page, put_errors, show
from governance.web.registering import InventoryForm
from registry.models import RegisteredModel


class ChangeForm(InventoryForm):
    """The inventory record; it carries along how the person saw each field."""

    def __init__(self, data: QueryDict | None, model: RegisteredModel) -> None:
        """Start from the record as it is. `model` is overwritten with what is sent."""
        self.sent = data.copy() if data else QueryDict(mutable=True)
        super().__init__(self.sent or None, instance=model)
        for name, field in self.fields.items():
            known = not data or self.add_initial_prefix(name) in data
            field.show_hidden_initial = known

    def changes(self) -> dict[str, Any]:
        """What the person changed of what they saw."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def seen(self) -> dict[str, Any]:
        """How the person saw the fields, as far as the page said it."""
        shown = [name for name in self.fields if self.fields[name].show_hidden_initial]
        return {name: self._was(name) for name in shown}

    def _was(self, name: str) -> Any:
        field = self.fields[name]
        return field.to_python(self.sent.get(self.add_initial_prefix(name)))

    def show_now(self, model: RegisteredModel, names: list[str]) -> None:
        """Say what others made of these fields; who saves again replaces it."""
        for name in names:
            said = _(
                "Somebody changed this while you wrote. It is now: “%(now)s”. "
                "Save again to put yours in its place."
            )
            self.add_error(name, said % {"now": in_words(model, name) or "–"})
            now = self.fields[name].prepare_value(getattr(model, name))
            self.sent[self.add_initial_prefix(name)] = now


@page
def edit(request: PersonRequest, slug: str) -> HttpResponse:
    """Change the inventory record of a model."""
    model = get_object_or_404(RegisteredModel, slug=slug)
    roles.require(request.user, "change inventory records", model=model)
    # The form validates a copy: what the page shows is what stands in the database.
    copy = RegisteredModel.objects.get(pk=model.pk)
    form = ChangeForm(request.POST or None, copy)
    if request.method == "POST" and form.is_valid():
        try:
            change_inventory(
                model=model,
                seen=form.seen(),
                by=request.user,
                at=timezone.now(),
                **form.changes(),
            )
            return redirect("web:model", model.slug)
        except Overtaken as refusal:
            form.show_now(refusal.record, refusal.names)
        except Refused as refusal:
            put_errors(form, refusal.errors)
    return show(
        request,
        "inventory/edit.html",
        {"form": form, "model": model},
        section="models",
    )
