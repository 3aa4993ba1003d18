"""The types of evidence: all that packs may name, in both languages."""

import json
from pathlib import Path

import pytest
from django.utils import translation

from audits.models import EvidenceRun, ForeignEvidence
from governance.evidence_types import EVIDENCE_TYPES, title_of

NAMED = Path(__file__).parents[2].parent / "shared/policy_packs/evidence_types.json"
INDEPENDENT = {
    "validation_report",
    "bias_audit",
    "auditor_declaration",
    "conformity_assessment",
}


def test_all_types_that_policy_packs_name_are_known():
    if not NAMED.exists():
        pytest.skip("../shared is not here")
    assert sorted(EVIDENCE_TYPES) == json.loads(NAMED.read_text("utf-8"))


def test_every_type_fits_its_column_and_has_titles_of_its_own():
    longest = ForeignEvidence._meta.get_field("kind").max_length
    for language in ("en", "de"):
        titles = [kind.titles[language] for kind in EVIDENCE_TYPES.values()]
        assert all(titles)
        assert len(set(titles)) == len(titles)
    assert max(map(len, EVIDENCE_TYPES)) <= longest
    assert {kind.made_by for kind in EVIDENCE_TYPES.values()} == {
        "",
        "freigabe",
        "independent party",
    }


def test_what_is_measured_here_is_taken_from_nobody():
    for kind in EvidenceRun.Kind.values:
        known = EVIDENCE_TYPES.get(f"{kind}_report")
        assert known is None or not known.attachable, kind


def test_judgements_of_the_model_need_somebody_independent():
    assert {k.name for k in EVIDENCE_TYPES.values() if k.independent} == INDEPENDENT


def test_titles_are_in_the_language_of_the_reader():
    assert title_of("validation_report") == "Validation report"
    with translation.override("de"):
        assert title_of("validation_report") == "Validierungsbericht"
    with translation.override("fr"):
        assert title_of("validation_report") == "Validation report"
    assert title_of("weather_report") == "Weather report"
