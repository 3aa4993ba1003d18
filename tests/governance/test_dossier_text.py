"""The text of a dossier in both languages, as people read it.

`UPDATE_SNAPSHOTS=1` writes the texts anew; look at the difference before you keep it.
"""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.utils.translation import override

from governance.dossier.assessed import Matrix
from governance.dossier.attachments import dossier_file
from governance.dossier.collect import Collected
from governance.dossier.content import Content, document_of
from governance.dossier.pages import pages_of
from governance.dossier.render import html_of
from tests.governance import dossier_content

SNAPSHOTS = Path(__file__).parent / "snapshots"
BLOCKS = ("p", "h1", "h2", "h3", "li", "dt", "tr", "table", "section", "caption", "div")


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


def content(monkeypatch, language: str) -> Content:
    """Every field filled; what people write is the name of its field."""
    said = dossier_content._said

    def named(text: str, name: str) -> str:
        found = said(text, name)
        return f"({name})" if found == text else found

    monkeypatch.setattr(dossier_content, "_said", named)
    found = dossier_content.content_of()
    words = ("rare", "unlikely", "possible", "likely", "very likely")
    bands = ("low", "medium", "high", "severe", "severe")
    cells = tuple(
        tuple((row * column, bands[max(row, column) - 1]) for column in range(1, 6))
        for row in range(1, 6)
    )
    return replace(
        found,
        control=replace(found.control, language=language, paper="A4", withheld=()),
        matrix=Matrix("default 1", dossier_content.SHA, words, words, cells),
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_text_of_a_dossier_is_the_one_that_was_read(monkeypatch, language):
    with override(language):
        said = content(monkeypatch, language)
        collected = Collected(said, (dossier_file(document_of(said)),))
        context = pages_of(collected).context
        page = html_of({**context, "check_url": "", "check_image": ""})
    reader = Text()
    reader.feed(page)
    # Digests of the content and its size change with each field that is added.
    found = reader.text.replace(collected.document.facts.sha256, "<sha256>")
    found = found.replace(collected.document.facts.sha256[:16], "<sha256>")
    found = re.sub(r"[\d.,]+ (bytes|Bytes|KiB|MiB)", "<size>", found)
    path = SNAPSHOTS / f"dossier.{language}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()
