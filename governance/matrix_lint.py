"""What a matrix of one's own must be before it can be stored (decisions.md 3.1)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from governance import plain_yaml
from governance.matrices import BUILT_IN
from registry.digests import canonical_json

LONGEST = 100_000
_SCHEMA = Path(__file__).parent / "packs" / "matrices" / "matrix.schema.json"


class InvalidMatrix(Exception):
    """The text is not a usable matrix; each error names its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors
        self.field = "document"


def canonical(text: str) -> str:
    """Read a matrix from JSON or YAML and give its canonical JSON.

    Sizes are 3x3 to 6x6, every cell is there, all four tiers follow from some cell,
    and a worse likelihood or impact never gives a milder band or a lower score.
    Raises `InvalidMatrix`.
    """
    data = _read(text)
    validator = Draft202012Validator(json.loads(_SCHEMA.read_text("utf-8")))
    errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(data)]
    errors = errors or [*_names(data), *_bands(data), *_cells(data)]
    errors = errors or [*_unused(data), *_milder(data)]
    if errors:
        raise InvalidMatrix(errors[:50])
    return canonical_json(data).decode()


def _read(text: str) -> Any:
    """YAML, of which JSON is a part; without aliases, which can grow without end."""
    if len(text) > LONGEST:
        raise InvalidMatrix([_("The text is too long for a matrix.")])
    try:
        data = plain_yaml.load(text)
    except plain_yaml.CannotRead as error:
        raise InvalidMatrix(
            [_("This cannot be read: %(error)s") % {"error": str(error)[:200]}]
        ) from error
    if isinstance(data, dict) and isinstance(data.get("cells"), dict):
        # YAML reads the points of the scales as numbers; JSON knows texts only.
        data["cells"] = {str(k): _by_text(v) for k, v in data["cells"].items()}
    return data


def _by_text(row: Any) -> Any:
    return {str(k): v for k, v in row.items()} if isinstance(row, dict) else row


def _names(data: Mapping[str, Any]) -> Iterator[str]:
    if data["matrix"] in BUILT_IN:
        yield _("$.matrix: the built-in matrices stay as they are; use another name.")
    if data.get("replaces") == data["matrix"]:
        yield _("$.replaces: a new version replaces the earlier ones by itself.")
    for axis in ("likelihood", "impact"):
        for language in ("en", "de"):
            names = [point[language].strip().casefold() for point in data[axis]]
            if len(set(names)) < len(names):
                yield _("$.%(axis)s: two points have the same name.") % {"axis": axis}


def _bands(data: Mapping[str, Any]) -> Iterator[str]:
    keys = [band["band"] for band in data["bands"]]
    tiers = [band["tier"] for band in data["bands"]]
    if len(set(keys)) < len(keys):
        yield _("$.bands: two bands have the same name.")
    if set(tiers) != {1, 2, 3, 4}:
        yield _("$.bands: each of the tiers 1 to 4 needs a band.")
    if tiers != sorted(tiers, reverse=True):
        yield _("$.bands: list them from the mildest (tier 4) to the worst (tier 1).")


def _cells(data: Mapping[str, Any]) -> Iterator[str]:
    known = {band["band"] for band in data["bands"]}
    rows = {str(n) for n in range(1, len(data["likelihood"]) + 1)}
    columns = {str(n) for n in range(1, len(data["impact"]) + 1)}
    if set(data["cells"]) != rows:
        yield _("$.cells: one row is needed for each likelihood, no more.")
    for lik, row in sorted(data["cells"].items()):
        if set(row) != columns:
            yield _("$.cells.%(row)s: one cell is needed for each impact, no more.") % {
                "row": lik
            }
        for imp, cell in sorted(row.items()):
            if cell["band"] not in known:
                yield _("$.cells.%(row)s.%(column)s: there is no band %(band)s.") % {
                    "row": lik,
                    "column": imp,
                    "band": cell["band"],
                }


def _unused(data: Mapping[str, Any]) -> Iterator[str]:
    used = {cell["band"] for row in data["cells"].values() for cell in row.values()}
    for band in data["bands"]:
        if band["band"] not in used:
            yield _("$.bands: no cell has the band %(band)s.") % {"band": band["band"]}


def _milder(data: Mapping[str, Any]) -> Iterator[str]:
    """Each cell against its neighbours of one point less."""
    rank = {band["band"]: place for place, band in enumerate(data["bands"])}
    worth = {
        (int(lik), int(imp)): (rank[cell["band"]], cell["score"])
        for lik, row in data["cells"].items()
        for imp, cell in row.items()
    }
    for (lik, imp), (band, score) in sorted(worth.items()):
        for less in ((lik - 1, imp), (lik, imp - 1)):
            if less not in worth:
                continue
            if band < worth[less][0] or score < worth[less][1]:
                yield _(
                    "$.cells.%(row)s.%(column)s is milder than %(l)s.%(i)s, although "
                    "its likelihood or impact is worse."
                ) % {"row": lik, "column": imp, "l": less[0], "i": less[1]}
