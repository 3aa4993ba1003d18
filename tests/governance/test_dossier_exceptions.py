"""Findings and waivers in the dossier: told as they stood, and proved from the log."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import findings, remedying
from governance.dossier.exceptions import exceptions_of
from governance.models import Severity
from tests import world
from tests.governance import test_waivers
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    now = timezone.now()
    monkeypatch.setattr(world, "NOW", now)
    monkeypatch.setattr(test_waivers, "NOW", now)
    return Stage()


def raised(stage, version, title="Too few borrowers of 2009", at=None):
    at = at or timezone.now()
    return findings.raise_finding(
        model=version.model,
        version=version,
        severity=Severity.HIGH,
        title=title,
        text="The sample has 41 of them.",
        due_on=at.date() + timedelta(days=30),
        by=stage.vera,
        at=at,
    )


def test_a_dossier_tells_findings_and_waivers_and_proves_them(stage):
    version = test_waivers.staged(stage)
    title = "<b>&\"'</b>{{ 7|add:1 }} مرحبا 😀"
    finding = raised(stage, version, title)
    waiver = test_waivers.asked(stage, version, timezone.now())
    for name in ("carl", "cora"):
        test_waivers.sign(waiver, stage.people[name], at=timezone.now())
    dossier, reader = built(stage.asked(version))
    words = words_of(reader)
    assert "18 Exceptions" in words
    assert "{{ 7|add:1 }}" in words
    assert "A clerk looks at every refusal." in words
    told = json.loads(reader.attachments["dossier.json"][0])["exceptions"]
    assert told["waivers"][0]["active"] is True
    assert [s["holds"] for s in told["waivers"][0]["signatures"]] == [True, True]
    assert told["findings"][0]["state"] == "Open"
    extract = json.loads(reader.attachments["log-extract.json"][0])
    bodies = " ".join(item["body"] for item in extract["entries"])
    assert str(finding.pk) in bodies
    assert str(waiver.pk) in bodies


def test_a_finding_is_told_as_it_stood_then(stage):
    version = stage.version(stage.model())
    now = timezone.now()
    finding = raised(stage, version, at=now)
    soon = now + timedelta(hours=1)
    remedying.plan(finding=finding, text="Buy a sample.", by=stage.anna, at=soon)
    (then,) = exceptions_of(version, at=now).findings
    (later,) = exceptions_of(version, at=soon).findings
    assert (then.state, later.state) == ("Open", "Plan proposed")
    assert exceptions_of(version, at=now - timedelta(seconds=1)).findings == ()
