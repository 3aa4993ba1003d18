"""The inventory record in words: one label and one reading of each of its fields."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.models import RegisteredModel, User

LABELS = {
    "slug": gettext_lazy("Short name for addresses and pipelines"),
    "name": gettext_lazy("Name"),
    "purpose": gettext_lazy("Purpose"),
    "products": gettext_lazy("Products and business lines"),
    "expected_use": gettext_lazy("Expected use"),
    "actual_use": gettext_lazy("Actual use"),
    "restrictions": gettext_lazy("Restrictions on use"),
    "limitations": gettext_lazy("Limitations"),
    "inputs": gettext_lazy("Inputs"),
    "outputs": gettext_lazy("Outputs"),
    "components": gettext_lazy("Components"),
    "affected_people": gettext_lazy("People affected"),
    "ai_system": gettext_lazy("AI system"),
    "vendor": gettext_lazy("Vendor"),
    "foundation_model": gettext_lazy("Foundation model"),
    "jurisdictions": gettext_lazy("Jurisdictions"),
    "ai_act_class": gettext_lazy("Class under the EU AI Act"),
    "affects_people": gettext_lazy("Decisions affect people"),
    "personal_data": gettext_lazy("Uses personal data"),
    "is_model": gettext_lazy("Is a model (SR 26-2)"),
    "generative": gettext_lazy("Generative AI"),
    "exposure": gettext_lazy("Exposure"),
    "purpose_class": gettext_lazy("Class of purpose"),
    "third_party_components": gettext_lazy("Contains components of third parties"),
    "ai_act_role": gettext_lazy("Role under the EU AI Act"),
    "annex_iii_point": gettext_lazy("Point of Annex III"),
    "profiling": gettext_lazy("Profiles natural persons"),
    "art6_3_claimed": gettext_lazy("Claims the derogation of Art. 6(3)"),
    "art50_applicable": gettext_lazy("Transparency duties apply (Art. 50)"),
    "fria_required": gettext_lazy("Fundamental rights impact assessment is required"),
    "dpia_required": gettext_lazy("Data protection impact assessment is required"),
    "special_categories_used": gettext_lazy(
        "Special categories of data are used to detect bias (Art. 4a)"
    ),
    "aedt": gettext_lazy("Automated employment decision tool (New York City)"),
    "aedt_output": gettext_lazy("What the employment decision tool gives"),
    "gxp": gettext_lazy("Used in a GxP process"),
    "credit": gettext_lazy("Decides about credit to people"),
    "owner": gettext_lazy("Owner"),
    "developer": gettext_lazy("Developer"),
    "validator": gettext_lazy("Validator"),
    "validation_planned_on": gettext_lazy("Next validation planned for"),
    "valid_from": gettext_lazy("Valid from"),
    "valid_until": gettext_lazy("Valid until"),
    "registered_by": gettext_lazy("Registered by"),
    "registered_at": gettext_lazy("Registered at"),
}
CHOSEN = ("ai_act_class", "ai_act_role", "purpose_class", "aedt_output")


def in_words(model: RegisteredModel, name: str) -> str:
    """The value of a field as people read it; empty where nobody recorded one."""
    value = getattr(model, name)
    if name in CHOSEN:
        return str(getattr(model, f"get_{name}_display")())
    if isinstance(value, User):
        return value.printed_name
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(value)
    return str(value) if value else ""
