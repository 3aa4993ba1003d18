"""The types of evidence that policy packs name, in the words of their readers."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import get_language

_FILE = Path(__file__).parent / "packs" / "evidence_types.json"


@dataclass(frozen=True)
class EvidenceType:
    """One type: its name in packs, its titles by language, and who must make it.

    `made_by` is empty for what anybody may hand in, "freigabe" for what is measured or
    recorded here and believed from nobody, and "independent party" for what nobody may
    vouch for who builds or owns the model.
    """

    name: str
    titles: dict[str, str]
    made_by: str = ""

    @property
    def title(self) -> str:
        """The title in the language of the reader, else in English."""
        return self.titles.get((get_language() or "en")[:2], self.titles["en"])

    @property
    def attachable(self) -> bool:
        """Whether foreign evidence may be of this type."""
        return self.made_by != "freigabe"

    @property
    def independent(self) -> bool:
        """Whether it counts only from somebody who has no hand in the version."""
        return self.made_by == "independent party"


def _read() -> dict[str, EvidenceType]:
    found: dict[str, dict[str, str]] = json.loads(_FILE.read_text("utf-8"))
    return {
        name: EvidenceType(
            name, {"en": facts["en"], "de": facts["de"]}, facts.get("made_by", "")
        )
        for name, facts in found.items()
    }


EVIDENCE_TYPES = _read()


def title_of(name: str) -> str:
    """The title of a type; unknown names are spelled out."""
    known = EVIDENCE_TYPES.get(name)
    return known.title if known else name.replace("_", " ").capitalize()
