"""Which papers a dossier of a version may be, and for which models they exist."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from registry.models import RegisteredModel

AIActClass = RegisteredModel.AIActClass


@dataclass(frozen=True)
class Variant:
    """A paper: its name in requests, its title, and who it is for.

    `fits` decides on the inventory record of the moment; `refusal` says why not.
    `public` is for readers outside: nothing internal is attached to it.
    """

    name: str
    title: str | Promise
    fits: Callable[[RegisteredModel], bool] = lambda record: True
    refusal: str | Promise = ""
    public: bool = False


def _high_risk(record: RegisteredModel) -> bool:
    return record.ai_act_class in (AIActClass.HIGH_ANNEX_I, AIActClass.HIGH_ANNEX_III)


OF_VERSION = (
    Variant("version", gettext_lazy("Audit dossier")),
    Variant(
        "annex-iv",
        gettext_lazy("Annex IV file (AI Act)"),
        fits=_high_risk,
        refusal=gettext_lazy(
            "Annex IV is for high-risk AI systems: the inventory record names another "
            "class under the EU AI Act. The owner or compliance can change it there."
        ),
    ),
    Variant(
        "declaration-of-conformity",
        gettext_lazy("EU declaration of conformity"),
        fits=_high_risk,
        refusal=gettext_lazy(
            "Only high-risk AI systems have an EU declaration of conformity: the "
            "inventory record names another class under the EU AI Act."
        ),
    ),
    Variant(
        "ll144-summary",
        gettext_lazy("Local Law 144: public summary"),
        fits=lambda record: record.aedt is True,
        refusal=gettext_lazy(
            "Local Law 144 is about automated employment decision tools: the inventory "
            "record does not say that this model is one."
        ),
        public=True,
    ),
)


def variant_of(name: str) -> Variant:
    """The variant of this name. Raises `StopIteration` for an unknown one."""
    return next(item for item in OF_VERSION if item.name == name)


def title_of_variant(name: str) -> str:
    """What a paper about a version is called, the audit dossier where unknown."""
    known = (item for item in OF_VERSION if item.name == name)
    return str(next(known, OF_VERSION[0]).title)


def is_public(name: str) -> bool:
    """Whether a paper is for readers outside, and nothing internal goes with it."""
    return any(item.public for item in OF_VERSION if item.name == name)
