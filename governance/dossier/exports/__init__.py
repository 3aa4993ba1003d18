"""The dossier in the formats that other tools read.

Each export is a pure function of the frozen content, so that it is as of the same
moment and has the same bytes in every build. One that does not apply answers None.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from governance.dossier.attachments import File, file_of
from governance.dossier.content import Content
from governance.dossier.exports import ai_act, ll144
from governance.dossier.exports.cyclonedx import bom
from governance.dossier.exports.model_card import model_card
from governance.dossier.exports.oscal import CATALOG, catalog
from governance.dossier.exports.oscal_results import results
from governance.dossier.exports.oscal_risks import plan_of_action
from governance.dossier.exports.spdx import spdx


@dataclass(frozen=True)
class Export:
    """A format: the name of its file, what it is, and who makes its bytes."""

    name: str
    title: str | Promise
    media_type: str
    make: Callable[[Content], bytes | None]


EXPORTS = (
    Export(
        "model-card.md",
        gettext_lazy("Model card (Hugging Face)"),
        "text/markdown",
        model_card,
    ),
    Export(
        "mlbom.cdx.json",
        gettext_lazy("Bill of materials (CycloneDX 1.6 ML-BOM)"),
        "application/vnd.cyclonedx+json",
        bom,
    ),
    Export(
        "model.spdx.json",
        gettext_lazy("SPDX 3.0.1, AI and dataset profiles"),
        "application/spdx+json",
        spdx,
    ),
    Export(
        "oscal-assessment-results.json",
        gettext_lazy("OSCAL 1.2.1 assessment results"),
        "application/json",
        results,
    ),
    Export(
        CATALOG,
        gettext_lazy("OSCAL 1.2.1 catalogue of the rules that were applied"),
        "application/json",
        catalog,
    ),
    Export(
        "oscal-plan-of-action.json",
        gettext_lazy("OSCAL 1.2.1 plan of action: waivers and open findings"),
        "application/json",
        plan_of_action,
    ),
    Export(
        "annex-iv.json",
        gettext_lazy("EU AI Act: coverage of Annex IV"),
        "application/json",
        ai_act.annex_iv,
    ),
    Export(
        "declaration-of-conformity.json",
        gettext_lazy("EU AI Act: declaration of conformity (Annex V)"),
        "application/json",
        ai_act.declaration,
    ),
    Export(
        "ll144.csv",
        gettext_lazy("Local Law 144: rates and impact ratios"),
        "text/csv",
        ll144.table,
    ),
    Export(
        "ll144.html",
        gettext_lazy("Local Law 144: page to publish"),
        "text/html",
        ll144.page,
    ),
)


def files_of(said: Content) -> tuple[File, ...]:
    """Every export that applies, as files beside the originals."""
    made = ((export, export.make(said)) for export in EXPORTS)
    return tuple(
        file_of(
            name=export.name,
            description=str(export.title),
            body=body,
            media_type=export.media_type,
            relationship="Supplement",
        )
        for export, body in made
        if body is not None
    )
