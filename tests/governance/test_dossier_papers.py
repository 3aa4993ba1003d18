"""The papers beside the audit dossier: what they print, and what they keep inside."""

import io
import json
import re
from dataclasses import replace

import pypdf
import pytest
from django.utils.translation import override

from governance.dossier.attachments import dossier_file
from governance.dossier.collect import Collected
from governance.dossier.content import Content, document_of
from governance.dossier.exports import files_of
from governance.dossier.published import published
from governance.dossier.render import render
from registry.digests import sha256_hex
from tests.governance.dossier_content import content_of
from tests.governance.dossier_stage import HOSTILE
from tests.governance.test_dossier_ai_act import complete, said_with
from tests.governance.test_dossier_ll144 import measured, tool

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


def paper(said: Content, variant: str, language: str = "en") -> pypdf.PdfReader:
    """The PDF of the content, without figures."""
    control = replace(said.control, variant=variant, language=language)
    evidence = tuple(replace(item, figures=()) for item in said.evidence)
    bare = replace(said, control=control, evidence=evidence, lineage=None, matrix=None)
    with override(language):
        made = files_of(bare)
        if variant == "ll144-summary":
            collected = Collected(*published(bare, made))
        else:
            document = dossier_file(document_of(bare))
            collected = Collected(bare, (*made, document))
        return pypdf.PdfReader(io.BytesIO(render(collected).pdf))


def words_of(reader: pypdf.PdfReader) -> str:
    text = " ".join(page.extract_text() for page in reader.pages)
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def hiring() -> Content:
    sexes = ["f"] * 4 + ["m"] * 4
    return tool([measured("sex", [1, 0, 0, 0, 1, 1, 0, 0], sexes)])


def test_the_public_summary_prints_the_tables_and_tells_nothing_internal(hiring):
    reader = paper(hiring, "ll144-summary")
    text = words_of(reader)
    for expected in ("Local Law 144: public summary", "0.250", "0.500", "2026-10-01"):
        assert expected in text
    files = {name: found[0] for name, found in reader.attachments.items()}
    assert set(files) == {"ll144.csv", "ll144.html", "dossier.json"}
    said = json.loads(files["dossier.json"])
    assert set(said) == {"format", "control", "summary", "attachments"}
    assert "requested_by" not in said["control"]
    rates = [row["category"]["rate"] for row in said["summary"]["tables"][0]["lines"]]
    assert rates == [0.25, 0.5]
    for item in said["attachments"]:
        assert sha256_hex(files[item["name"]]) == item["sha256"]


def test_the_annex_iv_file_goes_by_the_points_of_the_annex():
    reader = paper(said_with(), "annex-iv")
    titles = [item["/Title"] for item in reader.outline if isinstance(item, dict)]
    assert titles[0] == "Coverage of Annex IV"
    assert titles[1] == "1 General description of the AI system"
    assert titles[9] == "9 Post-market monitoring"
    text = words_of(reader)
    assert "1(e)" in text
    assert "to be declared and signed by: Model owner, Compliance officer" in text
    assert "annex-iv.json" in reader.attachments


def test_a_complete_declaration_is_one_and_an_incomplete_one_says_that_it_is_none():
    text = words_of(paper(complete(), "declaration-of-conformity"))
    assert "This is no declaration" not in text
    assert "Bank AG" in text
    text = words_of(paper(said_with(), "declaration-of-conformity"))
    assert "This is no declaration of conformity yet" in text
    assert "by nobody" in text


@pytest.mark.parametrize(
    ("variant", "most"),
    [("declaration-of-conformity", 40), ("ll144-summary", 40), ("annex-iv", 250)],
)
def test_hostile_texts_are_printed_and_run_nothing(variant, most):
    said = content_of(
        HOSTILE * 40, ai_act_class="high-annex-iii", aedt="yes", aedt_output="score"
    )
    reader = paper(said, variant, "de")
    text = words_of(reader)
    assert reader.trailer["/Root"]["/Lang"] == "de"
    assert "<b>&" in text
    assert "{{ 7|add:1 }}" in text
    assert "\u202e" not in text
    assert len(reader.pages) < most
