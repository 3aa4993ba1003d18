"""Exports of a finished dossier: fetched from page and API, with their digests."""

from base64 import b64decode
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import access
from governance.dossier import build
from governance.dossier.exports import EXPORTS
from registry.digests import sha256_hex
from tests import world
from tests.governance.auditors_stage import given, outsider
from tests.governance.callers import Caller
from tests.governance.dossier_stage import Stage
from tests.governance.test_dossier_exports import OF_FILES, faults_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def test_exports_come_from_page_and_api_as_they_are_attached(stage):
    dossier = stage.asked(stage.approved())
    where = f"dossiers/{dossier.pk}/exports"
    _token, secret = access.issue_token(
        name="ines", user=stage.ines, by=access.system_user(), at=timezone.now()
    )
    reader, browser = Caller(secret), Client()
    browser.force_login(stage.ines)
    assert reader.get(where).status_code == 404
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    listed = reader.get(where).json()["results"]
    names = [export.name for export in EXPORTS]
    assert [item["name"] for item in listed] == [
        name for name in names if name in {item["name"] for item in listed}
    ]
    for item in listed:
        page = reverse("web:dossier_export", args=[dossier.pk, item["name"]])
        assert item["url"] == f"/api/v1/{where}/{item['name']}"
        for answer in (reader.get(f"{where}/{item['name']}"), browser.get(page)):
            body = b"".join(answer.streaming_content)
            assert sha256_hex(body) == item["sha256"]
            if item["name"] in OF_FILES:
                assert faults_of(item["name"], body) == []
            assert answer.headers["Content-Type"] == item["media_type"]
            assert answer.headers["Content-Disposition"].startswith("attachment")
            told = answer.headers["Content-Digest"].removeprefix("sha-256=:")
            assert b64decode(told[:-1]).hex() == item["sha256"]
    shown = browser.get(reverse("web:dossier", args=[dossier.pk])).content.decode()
    assert all(item["name"] in shown for item in listed)
    for name in ("permit-production.dsse.json", "nothing.json", "..%2fx"):
        assert reader.get(f"{where}/{name}").status_code == 404


def test_an_external_auditor_downloads_the_dossiers_of_their_scope(stage, monkeypatch):
    dossier = stage.asked(stage.approved())
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    iris = outsider()
    _token, secret = access.issue_token(
        name="iris", user=iris, by=access.system_user(), at=timezone.now()
    )
    program = Caller(secret)

    def opened() -> set[str]:
        """Which files open for her now, on pages and for her token alike."""
        browser = Client()
        browser.force_login(iris)
        (sbom, *_more) = [item.name for item in EXPORTS if item.name.endswith("json")]
        files = {
            "pdf": reverse("web:dossier_pdf", args=[dossier.pk]),
            "bundle": reverse("web:dossier_bundle", args=[dossier.pk]),
            "export": reverse("web:dossier_export", args=[dossier.pk, sbom]),
            "disclosure": reverse("web:dossier_disclosure", args=[dossier.pk]),
        }
        found = set()
        for name, address in files.items():
            api = f"dossiers/{address.partition('/dossiers/')[2]}"
            answers = [browser.get(address), program.get(api)]
            for answer in answers:
                answer.close()
            codes = [answer.status_code for answer in answers]
            assert codes in ([200, 200], [403, 403], [403, 404]), name
            found |= {name} if codes == [200, 200] else set()
        return found

    assert opened() == set()
    given(stage, iris, patterns=["loans-*"])
    assert opened() == set()
    row = given(stage, iris)
    assert opened() == {"pdf", "bundle", "export"}
    browser = Client()
    browser.force_login(iris)
    bundle = reverse("web:dossier_bundle", args=[dossier.pk])
    page = browser.get(reverse("web:dossier", args=[dossier.pk])).content.decode()
    assert f'href="{bundle}"' in page
    body = b"".join(browser.get(bundle).streaming_content)
    assert sha256_hex(body) == dossier.bundle_sha256
    monkeypatch.setattr(timezone, "now", lambda: row.ends_at + timedelta(seconds=1))
    assert opened() == set()
