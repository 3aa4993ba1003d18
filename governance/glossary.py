"""The glossary: one list of terms for the pages, in English and German.

Its words are those of the design's `glossary_en_de.csv`; the explanations are ours.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SOURCE = Path(__file__).with_name("glossary.csv")


@dataclass(frozen=True)
class Term:
    """A term and, where we use it ourselves, what it means here.

    `context` names the law or the field that it is taken from.
    """

    key: str
    en: str
    de: str
    context: str
    means_en: str
    means_de: str

    def word(self, language: str) -> str:
        """The term in this language."""
        return self.de if language == "de" else self.en

    def means(self, language: str) -> str:
        """What it means here, in this language; empty where the law alone says."""
        return self.means_de if language == "de" else self.means_en


@lru_cache(maxsize=1)
def terms() -> dict[str, Term]:
    """All terms by their key."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        rows = [Term(**row) for row in csv.DictReader(file)]
    return {row.key: row for row in rows}
