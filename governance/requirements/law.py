"""What no policy can waive: it is applied to every case."""

from django.utils.translation import gettext as _

from governance.case import Case
from governance.policy import Check
from registry.models import RegisteredModel


def checks(case: Case) -> list[Check]:
    """The checks that stand above every pack."""
    model = case.version.model
    prohibited = model.ai_act_class == RegisteredModel.AIActClass.PROHIBITED
    today = case.at.date()
    began = model.valid_from is None or model.valid_from <= today
    over = model.valid_until is not None and model.valid_until < today
    window = _("no dates are set")
    if model.valid_from or model.valid_until:
        window = f"{model.valid_from or '…'} - {model.valid_until or '…'}"
    return [
        Check(
            "law-001",
            _("Not a prohibited practice"),
            passed=not prohibited,
            observed=str(model.get_ai_act_class_display()),
            because=_("Regulation (EU) 2024/1689, Art. 5."),
            next_step=_("It may not run at all.") if prohibited else "",
        ),
        Check(
            "law-002",
            _("The model is within its validity"),
            passed=began and not over,
            observed=window,
            because=_("SR 11-7, section VI: the time for which a model stays valid."),
            next_step=""
            if began and not over
            else _("The owner reviews the model and sets its validity."),
        ),
    ]
