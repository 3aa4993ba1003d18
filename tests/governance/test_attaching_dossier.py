"""Evidence from others in the dossier: told, and proved from the log."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone, translation

from audits.models import ForeignEvidence
from governance import evidence_signers
from governance.dossier.foreign import foreign_of
from tests import world
from tests.governance.dossier_stage import Stage
from tests.governance.evidence_stage import (
    lab,
    signed_by_lab,
    signed_by_person,
    statement,
)
from tests.governance.test_dossier_build import built, words_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def test_a_dossier_names_what_others_attested_and_proves_it(stage):
    version = stage.version(stage.model())
    now = timezone.now()
    lab(stage, at=now)
    day = {"produced_on": now.date() - timedelta(days=1)}
    signed_by_lab(stage, version, statement(version, "FAILED"), at=now, claim=day)
    title = "<b>&\"'</b>{{ 7|add:1 }} مرحبا 😀"
    signed_by_person(stage, version, at=now, claim={**day, "title": title})
    dossier, reader = built(stage.asked(version))
    words = words_of(reader)
    assert "Evidence from others" in words
    assert "Validation report" in words
    assert "{{ 7|add:1 }}" in words
    document = json.loads(reader.attachments["dossier.json"][0])
    told = {item["kind"]: item for item in document["foreign"]}
    assert told["test_report"]["outcome"] == "Failed"
    assert told["test_report"]["vouched_by"] == "Lab"
    assert told["validation_report"]["statement"].startswith("I, Vera Haas,")
    extract = json.loads(reader.attachments["log-extract.json"][0])
    bodies = " ".join(item["body"] for item in extract["entries"])
    for row in ForeignEvidence.objects.all():
        assert row.record_sha256 in bodies
        assert row.artifact.sha256 in bodies
    assert "audits_evidencesigner" in bodies


def test_only_what_was_there_at_the_moment_is_told(stage):
    version = stage.version(stage.model())
    now = timezone.now()
    signer = lab(stage, at=now)
    claim = {"produced_on": now.date()}
    row = signed_by_lab(stage, version, at=now, claim=claim)
    assert foreign_of(version, at=now - timedelta(seconds=1)) == ()
    after = now + timedelta(days=1)
    evidence_signers.revoke_signer(
        signer=signer, reason="Leaked.", by=stage.rita, at=after
    )
    (before,) = foreign_of(version, at=now)
    (later,) = foreign_of(version, at=after)
    assert (before.revoked_at, later.revoked_at) == (None, after)
    assert before.record_sha256 == row.record_sha256
    with translation.override("de"):
        assert foreign_of(version, at=now)[0].label == "Testbericht"
