"""What the templates of the short papers are given: summary, declaration."""

from typing import Any

from governance.dossier.collect import Collected
from governance.dossier.conformity import conformity_of
from governance.dossier.content import Content
from governance.dossier.hiring import summary_of
from governance.dossier.variants import title_of_variant

ANNEX_IV = "annex-iv"
_TEMPLATES = {
    "declaration-of-conformity": "dossier/conformity.html",
    "ll144-summary": "dossier/ll144.html",
}


def short_paper(said: Content, collected: Collected) -> dict[str, Any] | None:
    """The context of a paper of a page or two; None for those with all sections."""
    template = _TEMPLATES.get(said.control.variant)
    if template is None:
        return None
    return {
        "page": template,
        "kind": title_of_variant(said.control.variant),
        "c": said,
        "document": collected.document,
        "files": collected.files,
        "stamp": f"{said.control.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "s": summary_of(said),
        "d": conformity_of(said),
    }
