"""The text of a dossier in both languages, as people read it.

`UPDATE_SNAPSHOTS=1` writes the texts anew; look at the difference before you keep it.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.utils import timezone
from django.utils.translation import override

from audits import log
from governance.dossier import build
from governance.dossier.pages import pages_of
from governance.dossier.render import html_of
from tests import world
from tests.governance.dossier_stage import Stage

SNAPSHOTS = Path(__file__).parent / "snapshots"
BLOCKS = ("p", "h1", "h2", "h3", "li", "dt", "tr", "table", "section", "caption", "div")
# What differs between two runs, and what stands for it.
MASKS = (
    (r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?( UTC|Z)?", "<time>"),
    (r"\d{4}-\d{2}-\d{2}", "<day>"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\b[0-9a-f]{12,16}…", "<digest>…"),
    (r"approval-production-[0-9a-f]{8}", "approval-production-<id>"),
    (r"(?<=\s)[0-9a-f]{8}(?=\s|$)", "<id>"),
    (r"[\d.,]+ (bytes|Bytes|KiB|MiB)", "<size>"),
    (r"(checkpoint of|Prüfpunkt über) [\d.,]+", r"\1 <size>"),
    (r"(Freigabe )\d+\.\d+[\w.+-]*", r"\1<version>"),
)


class Text(HTMLParser):
    """The words of a page, each block on a line of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self._hidden = False

    def handle_starttag(self, tag, attrs):
        self._hidden = tag in ("title", "style", "svg")
        if tag in BLOCKS and self.lines[-1].strip():
            self.lines.append("")
        elif tag in ("td", "th", "dd", "br"):
            self.lines[-1] += "  "

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self.lines[-1] += data

    @property
    def text(self) -> str:
        lines = (re.sub(r"\s+", " ", line).strip() for line in self.lines)
        return "\n".join(line for line in lines if line) + "\n"


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_text_of_a_dossier_is_the_one_that_was_read(stage, language):
    dossier = stage.asked(stage.approved(), language)
    log.advance(at=timezone.now())
    with override(language):
        context = pages_of(build.snapshot(dossier)).context
        page = html_of({**context, "check_url": "", "check_image": ""})
    # What the log's entries and proofs are is of this run only.
    page = re.sub(r'(?s)<section [^>]*id="section-21".*?</section>', "", page)
    reader = Text()
    reader.feed(page)
    found = reader.text
    for pattern, word in MASKS:
        found = re.sub(pattern, word, found)
    path = SNAPSHOTS / f"dossier.{language}.txt"
    path.parent.mkdir(exist_ok=True)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(found)
    assert found == path.read_text()
