"""Risk matrices: tables from likelihood and impact to score, band and tier."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from governance.models import RiskAssessment, RiskMatrix
from governance.models.risk import Band
from registry.digests import canonical_json, sha256_hex
from registry.models import User

_HERE = Path(__file__).parent / "packs" / "matrices"
BUILT_IN = ("default", "cautious")
TIER_OF_BAND = {Band.SEVERE: 1, Band.HIGH: 2, Band.MEDIUM: 3, Band.LOW: 4}
_BAND_OF_TIER = {tier: band for band, tier in TIER_OF_BAND.items()}

Place = tuple[int, int]


class OutsideMatrix(Exception):
    """`field` is not on the scale of the matrix."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Name:
    """A name in both languages."""

    en: str
    de: str

    def __str__(self) -> str:
        """In the language of the reader, else in English."""
        return self.de if (get_language() or "en")[:2] == "de" else self.en


@dataclass(frozen=True)
class MatrixBand:
    """A band of a matrix, with the tier that follows from it."""

    key: str
    tier: int
    name: Name


@dataclass(frozen=True)
class Cell:
    """One cell: ordinal score, the matrix's own band, and what follows from it."""

    score: int
    own: MatrixBand

    @property
    def tier(self) -> int:
        """1 (severe) to 4 (low)."""
        return self.own.tier

    @property
    def band(self) -> Band:
        """The band of that tier, the same for all matrices."""
        return _BAND_OF_TIER[self.tier]


@dataclass(frozen=True)
class Matrix:
    """A matrix as it is read from its document; places count from 1, the least."""

    slug: str
    title: Name
    likelihoods: tuple[Name, ...]
    impacts: tuple[Name, ...]
    bands: tuple[MatrixBand, ...]
    cells: Mapping[Place, Cell]

    def look_up(
        self, likelihood: int, impact: int, fields: tuple[str, str] | None = None
    ) -> Cell:
        """The cell of a place. Raises `OutsideMatrix`, which names one of `fields`."""
        names = fields or ("likelihood", "impact")
        tops = (len(self.likelihoods), len(self.impacts))
        for field, value, top in zip(names, (likelihood, impact), tops, strict=True):
            if not 1 <= value <= top:
                raise OutsideMatrix(
                    field, _("Must be a whole number from 1 to %(top)s.") % {"top": top}
                )
        return self.cells[likelihood, impact]

    def same_axes(self, other: "Matrix") -> bool:
        """Whether a place means the same on both, so that it can be looked up anew."""
        return (self.likelihoods, self.impacts) == (other.likelihoods, other.impacts)


@dataclass(frozen=True)
class Change:
    """What a matrix makes of one assessment; `after` is None where its axes differ."""

    assessment: RiskAssessment
    before: int
    after: int | None


def document_of(slug: str) -> dict[str, Any]:
    """The document of a built-in matrix, *default* or *cautious* (decisions.md 3.1)."""
    text = (_HERE / f"{slug}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=128)
def parse(text: str) -> Matrix:
    """Read a stored document, which passed the lint before it was stored.

    The built-in ones name their parts by an English word; its German is display data,
    so that their digests stay what they are.
    """
    data = json.loads(text)
    bands = _bands(data)
    return Matrix(
        slug=data["matrix"],
        title=_name(data.get("title", data["matrix"]), "title"),
        likelihoods=tuple(_name(word, "likelihood") for word in data["likelihood"]),
        impacts=tuple(_name(word, "impact") for word in data["impact"]),
        bands=tuple(bands.values()),
        cells={
            (int(lik), int(imp)): Cell(value["score"], bands[value["band"]])
            for lik, row in data["cells"].items()
            for imp, value in row.items()
        },
    )


def _bands(data: Mapping[str, Any]) -> dict[str, MatrixBand]:
    if "bands" not in data:
        mildest_first = sorted(TIER_OF_BAND.items(), key=lambda item: -item[1])
        return {
            band.value: MatrixBand(band.value, tier, _name(band.value, "band"))
            for band, tier in mildest_first
        }
    return {
        item["band"]: MatrixBand(item["band"], item["tier"], _name(item["title"], ""))
        for item in data["bands"]
    }


def _name(value: str | Mapping[str, str], kind: str) -> Name:
    if isinstance(value, str):
        value = _words()[kind].get(value, {"en": value, "de": value})
    return Name(value["en"], value["de"])


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, dict[str, str]]]:
    text = (_HERE / "words.json").read_text("utf-8")
    found: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return found


def of(row: RiskMatrix) -> Matrix:
    """A published matrix, read."""
    return parse(row.document)


def publish_built_in(*, by: User, at: datetime) -> None:
    """Store the built-in matrices where they are missing; part of installing."""
    for slug in BUILT_IN:
        text = canonical_json(document_of(slug)).decode()
        RiskMatrix.objects.get_or_create(
            slug=slug,
            version=1,
            defaults={
                "document": text,
                "sha256": sha256_hex(text.encode()),
                "published_by": by,
                "published_at": at,
            },
        )


def in_force(slug: str, rows: Iterable[RiskMatrix], *, at: datetime) -> RiskMatrix:
    """What counts at `at` for assessments that were made on the matrix `slug`.

    It is the newest version in force of that matrix, or of the one that has taken its
    place since. Raises `RiskMatrix.DoesNotExist`.
    """
    counting = [r for r in rows if r.effective_from is None or r.effective_from <= at]
    found = _newest(r for r in counting if r.slug == slug)
    if found is None:
        raise RiskMatrix.DoesNotExist(
            _("There is no risk matrix %(slug)s.") % {"slug": slug}
        )
    met = {slug}
    while True:
        heirs = (r for r in counting if r.replaces == found.slug and r.slug not in met)
        heir = _newest(heirs)
        if heir is None:
            return found
        met.add(heir.slug)
        found = _newest(r for r in counting if r.slug == heir.slug) or heir


def _newest(rows: Iterable[RiskMatrix]) -> RiskMatrix | None:
    return max(rows, key=lambda r: (r.published_at, r.version), default=None)


def current(slug: str = "default", *, at: datetime) -> RiskMatrix:
    """The matrix on which a model is assessed at `at` when `slug` is asked for.

    Raises `RiskMatrix.DoesNotExist`.
    """
    return in_force(slug, RiskMatrix.objects.all(), at=at)


def retier(matrix: Matrix, assessments: Iterable[RiskAssessment]) -> list[Change]:
    """What a matrix would make of assessments, by the cells alone; pure.

    Floors, overrides and reductions are left out: `risk.standings` knows them. An
    assessment on other axes cannot be mapped, and its model falls due instead.
    """
    changes = []
    for row in assessments:
        frozen = of(row.matrix)
        before = frozen.cells[row.likelihood, row.impact].tier
        same = matrix.same_axes(frozen)
        after = matrix.cells[row.likelihood, row.impact].tier if same else None
        if after != before:
            changes.append(Change(row, before, after))
    return changes
