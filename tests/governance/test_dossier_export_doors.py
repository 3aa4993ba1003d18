"""Exports of a finished dossier: fetched from page and API, with their digests."""

from base64 import b64decode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance import access
from governance.dossier import build
from governance.dossier.exports import EXPORTS
from registry.digests import sha256_hex
from tests import world
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
