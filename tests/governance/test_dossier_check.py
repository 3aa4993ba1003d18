"""The public page: what it says of a digest and of a file, and what it refuses."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.dossier import checking as paper
from governance.dossier.request import request_dossier
from governance.models import Dossier
from governance.web import checking
from registry.acts import acting
from registry.digests import sha256_hex
from tests.world import World, later

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 the dossier"
CONTENT = "c" * 64


@pytest.fixture
def dossier() -> Dossier:
    world = World()
    row = request_dossier(
        version=world.version(world.model(name="Secret model")),
        by=world.ines,
        at=later(hours=1),
    )
    with acting(by="worker"):
        row.state, row.ended_at = Dossier.State.FINISHED, later(hours=2)
        row.pdf_sha256, row.document_sha256 = sha256_hex(PDF), CONTENT
        row.seal_level = "B-B"
        row.save()
    return row


def sent(name: str, content: bytes) -> str:
    response = Client().post("/check/", {"file": SimpleUploadedFile(name, content)})
    assert response.status_code == 200
    return response.content.decode()


def test_address_of_the_cover_answers_without_an_account(dossier, settings):
    url = paper.check_url(CONTENT)
    assert url == settings.FREIGABE_INSTANCE_URL + reverse(
        "web:check_digest", args=[CONTENT]
    )
    response = Client().get(f"/check/{CONTENT}/")
    page = response.content.decode()
    assert response.status_code == 200
    assert "made a dossier with this content" in page
    assert str(dossier.pk) in page
    assert "Secret model" not in page
    assert response.headers["Cache-Control"] == "no-store"


def test_file_is_known_by_its_bytes_and_one_changed_byte_is_not(dossier):
    assert "made exactly this file" in sent("x.pdf", PDF)
    assert "did not make this file" in sent("x.pdf", PDF[:-1] + b"R")


def test_of_several_files_the_first_counts(dossier):
    files = [SimpleUploadedFile("x.pdf", PDF), SimpleUploadedFile("y.pdf", b"y")]
    page = Client().post("/check/", {"file": files}).content.decode()
    assert "made exactly this file" in page


def test_unfinished_dossiers_are_not_known(dossier):
    with acting(by="worker"):
        Dossier.objects.update(state=Dossier.State.FAILED)
    assert "did not make" in sent("x.pdf", PDF)
    page = Client().get(f"/check/{CONTENT}/").content.decode()
    assert "knows no dossier" in page


@pytest.mark.parametrize("wrong", ["x", "c" * 63, "g" * 64, "%00" * 64, "c" * 5000])
def test_what_is_no_digest_is_said(db, wrong):
    response = Client().get(f"/check/{wrong}/")
    assert response.status_code == 400
    assert "64 hexadecimal digits" in response.content.decode()


def test_nothing_and_too_much_are_refused_with_a_sentence(db, monkeypatch):
    assert Client().post("/check/", {}).status_code == 400
    assert Client().post("/check/", b"x", content_type="text/x").status_code == 400
    monkeypatch.setattr(checking, "LARGEST", 1000)
    monkeypatch.setattr(checking, "ROOM_FOR_FORM", 10_000)
    for size in (5_000, 50_000):
        file = SimpleUploadedFile("x.pdf", bytes(size))
        response = Client().post("/check/", {"file": file})
        assert response.status_code == 413
        assert "not checked here" in response.content.decode()


def test_code_is_a_vector_graphic_of_the_address():
    svg = paper.qr_svg("https://freigabe.example/check/" + CONTENT).decode()
    assert svg.startswith("<svg")
    assert svg.count("h1v1h-1z") > 300
    assert svg == paper.qr_svg("https://freigabe.example/check/" + CONTENT).decode()
    assert io.BytesIO(svg.encode()).read(4) == b"<svg"
