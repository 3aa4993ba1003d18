"""Variants: one authorisation, the portfolio, and editions for outside readers."""

import json
import re
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from audits import commitments, log, offline
from audits.evaluators.base import Evaluation, Measurement
from audits.models import Entry
from governance.dossier import build
from governance.dossier.redaction import CATEGORIES
from governance.dossier.request import (
    CannotBuild,
    Form,
    request_authorisation,
    request_dossier,
    request_portfolio,
)
from governance.models import Authorisation, Dossier
from registry.acts import acting
from registry.digests import sha256_hex
from registry.models import User
from tests import world
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_build import built, words_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)
ALL = tuple(CATEGORIES)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def text_of(reader) -> str:
    return re.sub(r"\s+", " ", words_of(reader))


def test_the_dossier_of_an_authorisation_tells_what_it_rests_on(stage):
    version = stage.approved()
    granted = Authorisation.objects.get()
    asked = request_authorisation(
        authorisation=granted, by=stage.ines, at=timezone.now(), form=Form("en")
    )
    dossier, reader = built(asked)
    text = text_of(reader)
    for expected in (
        "Dossier of an authorisation",
        "4 Policy evaluation",
        "9 Annexes",
        "Vera Haas",
        "recomputed and equal",
    ):
        assert expected in text, expected
    assert "Fairness" not in [item["/Title"] for item in reader.outline[:1]]
    said = json.loads(dossier.document)
    assert [row["id"] for row in said["authorisations"]] == [str(granted.pk)]
    assert said["version"]["sha256"] == version.sha256
    assert dossier.stem.endswith("-production")
    with pytest.raises(CannotBuild, match="had not begun"):
        request_authorisation(
            authorisation=granted,
            by=stage.ines,
            at=timezone.now(),
            as_of=granted.valid_from - timedelta(seconds=1),
        )


def test_the_portfolio_counts_all_models_as_they_stood(stage):
    version = stage.approved()
    stage.model(slug="plain", name="<b>Plain</b>")
    asked = request_portfolio(by=stage.ines, at=timezone.now())
    dossier, reader = built(asked)
    text = text_of(reader)
    for expected in ("Portfolio dossier", "All models", "<b>Plain</b>", "not assessed"):
        assert expected in text, expected
    said = json.loads(dossier.document)
    lines = {row["slug"]: row for row in said["lines"]}
    assert set(lines) == {version.model.slug, "plain"}
    assert lines["plain"]["tier"] is None
    assert lines[version.model.slug]["authorised"][0][0] == "Production"
    assert sum(map(sum, said["heat"])) == 1
    assert dict(said["tiers"])["not assessed"] == 1
    stage.model(slug="later")
    stage.assessed(version.model, likelihood=1, impact=1)
    assert build.snapshot(dossier).document.body.decode() == dossier.document


def test_a_portfolio_of_a_unit_leaves_the_others_out(stage):
    with acting(by="test"):
        User.objects.filter(pk=stage.anna.pk).update(unit="Lending")
    stage.model()
    at = timezone.now()
    row = request_portfolio(by=stage.ines, at=at, scope="Lending", form=Form("de"))
    log.advance(at=timezone.now())
    assert len(build.snapshot(row).content.lines) == 1
    with pytest.raises(CannotBuild) as refused:
        request_portfolio(by=stage.ines, at=at, scope="Nowhere")
    assert refused.value.field == "scope"


def test_an_outside_reader_sees_no_name_and_an_insider_can_prove_each(
    stage, tmp_path, capsys
):
    version = stage.approved()
    asked = request_dossier(
        version=version,
        by=stage.ines,
        at=timezone.now(),
        form=Form(withhold=ALL),
    )
    dossier, reader = built(asked)
    files = {name: found[0] for name, found in reader.attachments.items()}
    everything = text_of(reader) + " ".join(
        body.decode("utf-8", "replace") for body in files.values()
    )
    for person in User.objects.exclude(last_name=""):
        assert person.last_name not in everything, person.last_name
    assert "withheld ‹" in text_of(reader)
    disclosed = json.loads(dossier.disclosure)
    path = tmp_path / "disclosure.json"
    path.write_text(dossier.disclosure)
    (tmp_path / "keys.json").write_bytes(files["keys.json"])
    keys = str(tmp_path / "keys.json")
    assert offline.main([str(path), "--key", keys]) == 0
    names = {item["value"] for item in disclosed["disclosed"]}
    assert "Vera Haas" in names
    one = next(i for i in disclosed["disclosed"] if i["value"] == "Vera Haas")
    said = json.loads(dossier.document)
    salt = bytes.fromhex(one["salt"])
    assert commitments.holds(said, one["pointer"], salt, "Vera Haas")
    assert not commitments.holds(said, one["pointer"], salt, "Carl Brandt")
    one["value"] = "Carl Brandt"
    path.write_text(json.dumps(disclosed))
    assert offline.main([str(path), "--key", keys]) == 1
    check_bundle(dossier, tmp_path, keys, capsys)
    reports = {row["kind"]: row["sha256"] for row in said["evidence"]}
    assert {"performance", "fairness", "explainability"} <= set(reports)
    for kind in ("performance", "fairness"):
        assert sha256_hex(files[f"evidence-{kind}.json"]) == reports[kind]
    assert "evidence-explainability.json" not in files
    assert "not attached to this edition" in text_of(reader)


def test_a_report_that_names_somebody_stays_inside(stage):
    version = stage.approved()
    named = Measurement("selection_rate", 0.5, n=50, group="agent=Dr. Haas")
    linked = Measurement("selection_rate", 0.5, n=50, group="from=https://x.example/")
    for measured, withhold, there in (
        (named, "people", False),
        (named, "addresses", True),
        (linked, "addresses", False),
        (linked, "texts", True),
    ):
        found = Evaluation(measurements=(measured,), summary={})
        stage.measured_with_figures(version, {"fairness": found})
        form = Form(withhold=(withhold,))
        row = request_dossier(
            version=version, by=stage.ines, at=timezone.now(), form=form
        )
        log.advance(at=timezone.now())
        names = {file.facts.name for file in build.snapshot(row).files}
        assert ("evidence-fairness.json" in names) is there, withhold
        assert "evidence-performance.json" in names


def check_bundle(dossier: Dossier, folder, keys: str, capsys) -> None:
    """The bundle of an outside reader holds, without what insiders have."""
    with default_storage.open(dossier.bundle_name) as file:
        body = file.read()
    (folder / "bundle.zip").write_bytes(body)
    path = str(folder / "bundle.zip")
    assert offline.main([path, "--key", keys, "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert any("by their hashes" in said for said in verdict["checked"])
    assert dossier.seed not in body.decode("latin-1")


def test_names_alone_leave_texts_and_the_same_row_gives_the_same_edition(stage):
    version = stage.version(stage.model())
    asked = request_dossier(
        version=version,
        by=stage.ines,
        at=timezone.now(),
        form=Form(withhold=("people",)),
    )
    log.advance(at=timezone.now())
    first, second = build.snapshot(asked), build.snapshot(asked)
    assert first.document.body == second.document.body
    said = json.loads(first.document.body)
    fields = {row["name"]: row["value"] for row in said["inventory"]["fields"]}
    assert fields["purpose"] == world.RECORD["purpose"]
    assert set(fields["owner"]) == {commitments.KEY}


def test_salts_and_values_are_not_in_the_log(stage):
    version = stage.version(stage.model())
    row = request_dossier(
        version=version, by=stage.ines, at=timezone.now(), form=Form(withhold=ALL)
    )
    bodies = Entry.objects.filter(pk_text=str(row.pk))
    assert bodies.exists()
    assert all(row.seed not in entry.body for entry in bodies)


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("paper", Form(paper="A3")),
        ("withhold", Form(withhold=("everything",))),
        ("language", Form(language="fr")),
    ],
)
def test_an_unknown_form_is_refused_by_field(stage, field, form):
    version = stage.version(stage.model())
    with pytest.raises(CannotBuild) as refused:
        request_dossier(version=version, by=stage.ines, at=timezone.now(), form=form)
    assert refused.value.field == field


def test_letter_paper_has_its_size(stage):
    version = stage.version(stage.model())
    asked = request_dossier(
        version=version, by=stage.ines, at=timezone.now(), form=Form(paper="letter")
    )
    _dossier, reader = built(asked)
    box = reader.pages[0].mediabox
    assert (round(box.width), round(box.height)) == (612, 792)


def test_the_pages_ask_for_each_variant(stage):
    stage.approved()
    client = Client()
    client.force_login(stage.ines)
    granted = Authorisation.objects.get()
    for url in (
        "/dossiers/portfolio",
        f"/dossiers/authorisation/{granted.pk}",
        f"/models/{granted.version.model.slug}/versions/1/dossier",
    ):
        assert client.get(url).status_code == 200, url
        answer = client.post(
            url, {"language": "de", "paper": "A4", "withhold": ["people"]}
        )
        assert answer.status_code == 302, url
        row = Dossier.objects.latest("requested_at")
        assert (row.language, row.withheld) == ("de", ["people"])
        assert client.get(answer.url).status_code == 200
    assert client.get("/dossiers/").status_code == 200
