"""The sections of an audit file: what was recorded stands there, else why not."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import changing, feeding, incidents, registration, reviews
from governance.declarable import KINDS
from governance.dossier.lives import life_of
from governance.dossier.sections import _parts
from governance.dossier.topics import DECLARED
from governance.models import Incident, PeriodicReview
from governance.signatures import Proof
from governance.triggers import facts
from tests import world
from tests.governance.change_stage import WISH
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of
from tests.world import PASSWORD

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
PROOF = Proof(password=PASSWORD)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def lived_through(stage):
    """A version with an incident, a review, a plan, a vendor and models around it."""
    model = stage.model()
    version = registration.register_version(
        model=model,
        version="1",
        artifacts=[(stage.artifact(), "model")],
        method="gradient boosting",
        datasets=[(stage.data(), "training")],
        by=stage.ben,
        at=timezone.now(),
    )
    stage.measured_with_figures(version)
    stage.assessed(model)
    now = timezone.now()
    changing.file_plan(
        version=version,
        wish=replace(WISH, valid_until=now + timedelta(days=200)),
        proof=PROOF,
        by=stage.anna,
        at=now,
    )
    incident = incidents.record(
        account=incidents.Account(
            model=model,
            kind=Incident.Kind.SERIOUS,
            title="Refused a whole street",
            text="All applications of one street were refused.",
            aware_at=now - timedelta(hours=3),
            version=version,
        ),
        by=stage.rita,
        at=now,
    )
    incidents.report(
        incident=incident,
        authority="BaFin",
        reference="AZ 4711",
        sent_at=timezone.now(),
        by=stage.cora,
        at=timezone.now(),
    )
    reviews.complete(
        model=model,
        kind=PeriodicReview.Kind.REVIEW,
        outcome=PeriodicReview.Outcome.values[0],
        text="Nothing but the incident.",
        proof=PROOF,
        by=stage.vera,
        at=timezone.now(),
    )
    facts.record_vendor_notice(
        model=model, text="Support goes on.", by=stage.anna, at=timezone.now()
    )
    upstream = stage.model(slug="income", name="Income estimate")
    feeding.declare(
        upstream=upstream, model=model, by=stage.anna, at=timezone.now(), note="Daily."
    )
    return version


def test_what_happened_to_a_version_stands_in_its_section(stage):
    version = lived_through(stage)
    before = version.registered_at - timedelta(seconds=1)
    dossier, reader = built(stage.asked(version))
    text = re.sub(r"\s+", " ", words_of(reader))
    for expected in (
        "Refused a whole street",
        "(EU AI Act, Art. 73): BaFin (AZ 4711)",
        "Nothing but the incident.",
        "Retraining on newer applications.",
        "≥ 0.780",
        "Support goes on.",
        "feeds this model Income estimate",
        "17 Changes This version as a change No data, because nobody had recorded",
    ):
        assert expected in text, expected
    told = json.loads(dossier.document)["life"]
    assert told["incidents"][0]["overdue"] is False
    assert [s["holds"] for s in told["plans"][0]["signatures"]] == [True]
    extract = json.loads(reader.attachments["log-extract.json"][0])
    proved = {json.loads(item["body"])["rel"] for item in extract["entries"]}
    assert {
        "public.governance_incident",
        "public.governance_incidentreport",
        "public.governance_periodicreview",
        "public.governance_changeplan",
        "public.governance_vendornotice",
        "public.registry_modelfeed",
    } <= proved
    assert life_of(version, at=before).incidents == ()


def test_each_section_of_an_audit_file_is_there_and_says_what_is_missing(stage):
    version = stage.version(stage.model())
    _dossier, reader = built(stage.asked(version))
    titles = [item["/Title"] for item in reader.outline if isinstance(item, dict)]
    named = [f"{n} {title}" for n, (_name, title, _p) in enumerate(_parts(), start=1)]
    assert [title for title in titles if re.match(r"\d+ ", title)] == named
    assert len(named) == 22
    text = re.sub(r"\s+", " ", words_of(reader))
    for number in (11, 12, 16, 17, 18, 20):
        part = text.rsplit(f" {named[number - 1]} ", 1)[1]
        assert re.search(r"(No data, because|No waiver had been)", part[:400]), number


def test_every_kind_of_a_section_can_be_declared():
    placed = [kind for kinds in DECLARED.values() for kind in kinds]
    assert len(placed) == len(set(placed))
    assert set(placed) <= set(KINDS)
