"""Registering a model, and the form of its inventory record."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy

from governance import roles
from governance.inventory_words import LABELS, in_words
from governance.records import Refused
from governance.registration import INVENTORY_FIELDS, register_model
from governance.web.frame import PersonRequest, page, put_errors, show
from registry.models import RegisteredModel, User

if TYPE_CHECKING:
    RecordForm = forms.ModelForm[RegisteredModel]
    UserField = forms.ModelChoiceField[User]
else:
    RecordForm = forms.ModelForm
    UserField = forms.ModelChoiceField

LONG_TEXTS = (
    "purpose",
    "products",
    "expected_use",
    "actual_use",
    "restrictions",
    "limitations",
    "inputs",
    "outputs",
    "components",
    "affected_people",
    "exposure",
)
HELP = {
    "slug": gettext_lazy("Lower-case letters, digits and hyphens: mortgage-approval."),
    "jurisdictions": gettext_lazy("Codes separated by commas, such as EU, US."),
    "annex_iii_point": gettext_lazy("Such as 5b for creditworthiness; else empty."),
    "exposure": gettext_lazy("Amounts, customers and decisions that rest on it."),
    "foundation_model": gettext_lazy("The general model that it rests on, if any."),
    "limitations": gettext_lazy("Where it must not be used, and what it cannot do."),
}


class PersonField(UserField):
    """Chooses among people who may log in."""

    def label_from_instance(self, obj: User) -> str:
        """Show the name that stands beside signatures."""
        return obj.printed_name


class InventoryForm(RecordForm):
    """The inventory record; the act, not this form, writes it."""

    class Meta:
        model = RegisteredModel
        fields: tuple[str, ...] = INVENTORY_FIELDS
        labels = LABELS
        help_texts = HELP
        field_classes = dict.fromkeys(("owner", "developer", "validator"), PersonField)
        widgets = {
            **{name: forms.Textarea(attrs={"rows": 2}) for name in LONG_TEXTS},
            **{
                name: forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
                for name in ("validation_planned_on", "valid_from", "valid_until")
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer active people only."""
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, is_machine=False).order_by(
            "last_name", "first_name", "username"
        )
        for name in ("owner", "developer", "validator"):
            field = self.fields[name]
            assert isinstance(field, PersonField)  # noqa: S101
            field.queryset = people

    @staticmethod
    def facts_of(model: RegisteredModel) -> list[tuple[str, str]]:
        """The inventory record for reading: labels and values, none left out."""
        return [
            (str(LABELS[name]), in_words(model, name))
            for name in INVENTORY_FIELDS
            if name != "name"
        ]


class RegistrationForm(InventoryForm):
    """The inventory record with the short name, which never changes afterwards."""

    class Meta(InventoryForm.Meta):
        fields = ("name", "slug", *INVENTORY_FIELDS[1:])


@page
def register(request: PersonRequest) -> HttpResponse:
    """Enter a model into the inventory."""
    roles.require(request.user, "register models")
    mine = {"owner": request.user, "developer": request.user}
    form = RegistrationForm(request.POST or None, initial=mine)
    if request.method == "POST" and form.is_valid():
        try:
            model = register_model(
                **form.cleaned_data, by=request.user, at=timezone.now()
            )
            return redirect("web:model", model.slug)
        except Refused as refusal:
            put_errors(form, refusal.errors)
    return show(request, "inventory/register.html", {"form": form}, section="models")
