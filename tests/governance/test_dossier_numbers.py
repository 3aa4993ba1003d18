"""Each number on paper is a number of dossier.json, in either language's format."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from governance.dossier import build
from governance.dossier.figures import svg_of
from governance.dossier.pages import abbreviations
from governance.models import Dossier
from tests import world
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
MARKS = {"en": (",", "."), "de": (".", ",")}  # of thousands, and of decimals
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?")
DIGITS = re.compile(r"(?<![\w.,])[-−]?\d[\d.,]*(?:e-?\d+)?(?![\w])")  # noqa: RUF001
DIGEST = re.compile(r"[0-9a-f][0-9a-f-]{15,}")
UNIT = 1024
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "dossier"


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


class Said:
    """The numbers, moments and texts of a dossier.json."""

    def __init__(self, document: dict) -> None:
        self.numbers: set[float] = set()
        self.counts: set[int] = set()
        texts: list[str] = []
        todo: list[object] = [document]
        while todo:
            item = todo.pop()
            if isinstance(item, dict):
                todo += item.values()
            elif isinstance(item, list):
                self.counts.add(len(item))
                todo += item
            elif isinstance(item, str):
                texts.append(item)
            elif isinstance(item, int | float) and not isinstance(item, bool):
                self.numbers.add(float(item))
        self.text = "\n".join(texts)
        self.moments = {_stamp(text) for text in texts if MOMENT.match(text)}
        self.moments |= set(MOMENT.findall(self.text))

    def knows(self, token: str, *, language: str) -> bool:
        """Whether a printed number is one of these, to the digits that it has."""
        if re.search(rf"(?<![\w.]){re.escape(token)}(?![\w])", self.text):
            return True
        thousands, decimals = MARKS[language]
        plain = token.replace("−", "-").replace(thousands, "")  # noqa: RUF001
        plain = plain.replace(decimals, ".")
        try:
            value = float(plain)
        except ValueError:
            return False
        if "e" in plain or abs(value) < 0.001:
            return any(_significant(n, value) for n in self.numbers)
        places = len(plain.partition(".")[2])
        within = 0.5 * 10**-places + 1e-9
        return any(abs(n - value) <= within for n in self.numbers)


def _significant(number: float, value: float) -> bool:
    return abs(number - value) <= abs(value) * 0.051


def _stamp(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_number_on_paper_stands_in_the_json(stage, language):
    version = stage.approved()
    dossier, reader = built(stage.asked(version, language))
    document = json.loads(dossier.document)
    said = Said(document)
    words = _without_digests(re.sub(r"\s+", " ", words_of(reader)), said, dossier)
    unknown = set(MOMENT.findall(words)) - said.moments
    assert {m for m in unknown if m not in said.text} <= _days(said)
    tokens = set(DIGITS.findall(MOMENT.sub(" ", words)))
    drawn = _drawn(build.snapshot(dossier).content, language) | _printed()
    files = [item["size"] for item in _sized(document)]
    files.append(len(dossier.document.encode()))
    sizes = {float(size) / UNIT**k for size in files for k in (1, 2)}
    said.numbers |= sizes
    small = max(len(reader.pages), 100, *said.counts)
    strange = {
        token
        for token in (t.rstrip(".,") for t in tokens)
        if not (token.lstrip("-").isdigit() and abs(int(token)) <= small)
        and token not in drawn
        and not said.knows(token, language=language)
    }
    assert strange == set()


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_measurement_of_the_json_stands_on_paper(stage, language):
    version = stage.approved()
    dossier, reader = built(stage.asked(version, language))
    thousands, decimals = MARKS[language]
    printed = set()
    for token in DIGITS.findall(re.sub(r"[–\s]+", " ", words_of(reader))):
        plain = token.rstrip(".,").replace(thousands, "").replace(decimals, ".")
        printed.add(plain)
    for report in json.loads(dossier.document)["evidence"]:
        assert report["measurements"]
        for row in report["measurements"]:
            for name in ("value", "lower", "upper"):
                if row[name] is not None:
                    assert f"{row[name]:.3f}" in printed, (row["label"], name)
            if row["n"] is not None:
                assert str(row["n"]) in printed


def _without_digests(words: str, said: Said, dossier: Dossier) -> str:
    """The words but for digests and ids: a line that breaks one may leave digits."""
    for digest in {*DIGEST.findall(said.text), dossier.document_sha256}:
        words = re.sub(r"\s?".join(digest), " ", words)
    return words


def _days(said: Said) -> set[str]:
    """Moments that are printed as a day only."""
    return {moment[:10] for moment in said.moments} | {m[:16] for m in said.moments}


def _drawn(content, language: str) -> set[str]:
    """The numbers in the figures: ticks of their axes are chosen by the drawing."""
    charts = [chart for item in content.evidence for chart in item.figures]
    charts += [content.lineage] if content.lineage else []
    texts = (
        text
        for chart in charts
        for text in re.findall(r"<text[^>]*>([^<]*)<", svg_of(chart, language=language))
    )
    return {token.rstrip(".,") for text in texts for token in DIGITS.findall(text)}


def _printed() -> set[str]:
    """The numbers of sentences that stand in every dossier: laws and standards."""
    texts = [path.read_text() for path in TEMPLATES.glob("*.html")]
    texts += [meaning for _word, meaning in abbreviations()]
    return {token.rstrip(".,") for text in texts for token in DIGITS.findall(text)}


def _sized(document: dict) -> list[dict]:
    return [*document["attachments"], *document["version"]["files"]]
