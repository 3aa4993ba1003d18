"""The two pages for management stay two, and say what else there is and where."""

import io
import re
from dataclasses import replace

import pypdf
import pytest
from django.utils.translation import override

from governance.dossier import setting
from governance.dossier.assessed import Matrix
from governance.dossier.attachments import dossier_file
from governance.dossier.collect import Collected
from governance.dossier.content import Content, document_of
from governance.dossier.management import dealt, failing_of, for_management
from governance.dossier.pages import pages_of
from governance.dossier.render import html_of, job_of
from tests.governance import dossier_content
from tests.governance.dossier_content import content_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
LONG = "Eine lange Feststellung, die jemand mit Sorgfalt geschrieben hat. " * 12
WORDS = ("very unlikely", "unlikely", "possible", "likely", "almost certain")
BANDS = ("low", "medium", "high", "severe", "severe")
CELLS = tuple(
    tuple((row * column, BANDS[max(row, column) - 1]) for column in range(1, 6))
    for row in range(1, 6)
)
EVERY = ("summary", "policy", "approvals", "validation", "exceptions", "monitoring")


def troubled(many: int, places: int = 3, **control: str) -> Content:
    """A version with as many troubles of every kind, each told at length."""
    said = content_of(LONG)
    item = said.evaluations[0]
    ruling = item.rulings[0]
    failing = tuple(
        replace(
            ruling,
            check=replace(
                ruling.check, requirement=f"r-{n}", passed=False, severity="block"
            ),
        )
        for n in range(many)
    )
    told, life, approval = said.exceptions, said.life, said.approvals[0]
    finding = replace(told.findings[0], is_open=True, severity="high")
    incident = replace(life.incidents[0], closed_at=None, kind="harm")
    return replace(
        said,
        control=replace(said.control, **control),
        lineage=None,
        evidence=(),
        matrix=Matrix("default 1", dossier_content.SHA, WORDS, WORDS, CELLS),
        evaluations=tuple(
            replace(item, environment=f"Place {n}", allowed=False, rulings=failing)
            for n in range(places)
        ),
        approvals=(replace(approval, conditions=approval.conditions * many),),
        exceptions=replace(
            told,
            findings=(finding,) * many,
            waivers=(replace(told.waivers[0], active=True),) * many,
            emergencies=told.emergencies * many,
        ),
        life=replace(life, incidents=(incident,) * many),
    )


def named(said: Content) -> Content:
    """The same with names as long as people's are."""
    return replace(
        said,
        inventory=replace(
            said.inventory,
            fields=tuple(
                replace(field, value="Anna Lindqvist")
                if field.name == "owner"
                else field
                for field in said.inventory.fields
            ),
        ),
        version=replace(said.version, developer="Ben Moreau"),
        assessments=tuple(
            replace(one, band_label="Severe", residual_band_label="Severe")
            for one in said.assessments
        ),
    )


@pytest.mark.parametrize(
    ("language", "paper", "places"), [("de", "letter", 3), ("en", "A4", 1)]
)
def test_two_pages_hold_what_speaks_against_a_version(language, paper, places):
    said = named(troubled(20, places, language=language, paper=paper))
    with override(language):
        collected = Collected(said, (dossier_file(document_of(said)),))
        first = pages_of(collected).context
        alone = {**first, "sections": {"summary": first["sections"]["summary"]}}
        html = html_of({**alone, "check_url": "", "check_image": "dossier:check.svg"})
        job = replace(job_of(collected), html=html)
        reader = pypdf.PdfReader(io.BytesIO(setting.typeset(job).pdf))
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]
    words = {
        "de": ("Was offen ist", "und 18 weitere: Abschnitt 13"),
        "en": ("What stands open", "and 16 more: section 13"),
    }
    second, more = words[language]
    at = next(place for place, text in enumerate(pages) if second in text)
    assert more in pages[at - 1]
    assert len(pages) == at + 2, "behind the second page stand the contents"


def test_every_list_says_how_many_more_there_are_and_where():
    said = troubled(20)
    pages = for_management(said, EVERY)
    told = {
        name: (len(one.rows), one.left, one.section)
        for name, one in pages["open"].items()
    }
    assert told == {
        "findings": (1, 19, "validation"),
        "conditions": (1, 19, "approvals"),
        "waivers": (1, 19, "exceptions"),
        "emergencies": (1, 19, "exceptions"),
        "incidents": (1, 19, "monitoring"),
    }
    assert (len(pages["failing"].rows), pages["failing"].left) == (2, 18)
    few = for_management(troubled(1, 7), ("policy",))["open"]
    assert [(len(one.rows), one.left) for one in few.values()] == [(1, 0)] * 5
    assert few["findings"].section == ""


def test_a_paper_without_the_section_leads_to_the_json():
    said = troubled(20, variant="authorisation")
    collected = Collected(said, (dossier_file(document_of(said)),))
    context = pages_of(collected).context
    page = html_of({**context, "check_url": "", "check_image": ""})
    assert "and 19 more: dossier.json" in page
    assert "and 18 more: section" in page


def test_a_check_that_fails_in_several_places_is_told_once_and_the_worst_first():
    said = troubled(3, 2)
    first, second = said.evaluations
    above = replace(first.rulings[2], check=replace(first.rulings[2].check, pack=""))
    kept = replace(second, rulings=(second.rulings[1], above))
    found = failing_of((first, kept))
    names = [(one.ruling.check.requirement, one.environments) for one in found]
    assert names == [
        ("r-2", ("Place 1",)),
        ("r-1", ()),
        ("r-0", ("Place 0",)),
        ("r-2", ("Place 0",)),
    ]


def test_room_is_dealt_in_turn():
    assert dealt({"a": "xxxx", "b": "x", "c": ""}, 4) == {"a": 3, "b": 1, "c": 0}
    assert dealt({"a": "x"}, 4) == {"a": 1}
