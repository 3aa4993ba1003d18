"""The seal: valid, certifying, the profile around it, one changed byte, time stamps."""

import contextlib
import io
import os
import shutil
from datetime import timedelta

import pikepdf
import pytest
from asn1crypto import pem, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    CertificateBuilder,
    KeyUsage,
    Name,
    NameAttribute,
)
from cryptography.x509.oid import NameOID
from django.core.files.storage import default_storage
from django.utils import timezone
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from audits.outside import http
from governance import permit, seal_key
from governance.dossier import build, sealing
from governance.dossier.render import render
from governance.models import Dossier, KeyCompromise
from governance.permit import hardware
from registry.acts import acting
from registry.digests import sha256_hex
from tests import world
from tests.audits import stamping
from tests.audits.servers import serving
from tests.governance import softhsm
from tests.governance.dossier_stage import Stage

P256 = bytes.fromhex("06082a8648ce3d030107")  # its OID in DER

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stage(fresh_database, monkeypatch, settings, tmp_path) -> Stage:
    # The keys of this test alone: some tests lose or spoil them.
    keys = tmp_path / "keys"
    if settings.FREIGABE_KEYS_DIR.exists():
        shutil.copytree(settings.FREIGABE_KEYS_DIR, keys)
    settings.FREIGABE_KEYS_DIR = keys
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


@pytest.fixture
def dossier(stage) -> Dossier:
    return stage.asked(stage.version(stage.model()))


def finished(dossier: Dossier) -> bytes:
    assert build.build_next()
    dossier.refresh_from_db()
    assert dossier.failure == ""
    with default_storage.open(dossier.pdf_name) as file:
        return file.read()


def status_of(pdf: bytes):
    """What pyHanko says of the only signature, by the keys that are published."""
    papers = [
        x509.Certificate.load(pem.unarmor(key["certificate"].encode())[2])
        for key in permit.public_keys(at=timezone.now())["keys"]
        if key["use"] == "dossier"
    ]
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    context = ValidationContext(trust_roots=papers, allow_fetching=False)
    return validate_pdf_signature(signature, context)


def test_seal_is_valid_covers_the_file_and_allows_no_change(dossier):
    pdf = finished(dossier)
    status = status_of(pdf)
    assert status.bottom_line
    assert status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert status.modification_level == ModificationLevel.NONE
    assert sha256_hex(pdf) == dossier.pdf_sha256
    assert (dossier.seal_level, dossier.seal_note) == ("B-B", "")
    assert dossier.seal_key_id == seal_key.seal_key(at=timezone.now()).id
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        signature = opened.Root.Perms.DocMDP
        assert signature.SubFilter == "/ETSI.CAdES.detached"
        assert signature.Reference[0].TransformParams.P == 1


def test_one_changed_byte_is_found(dossier):
    pdf = bytearray(finished(dossier))
    for place in (100, len(pdf) // 2):
        changed = bytearray(pdf)
        changed[place] ^= 1
        try:
            assert not status_of(bytes(changed)).bottom_line, place
        except Exception as error:  # noqa: BLE001 - a broken PDF is found as well
            assert "PDF" in type(error).__name__ or isinstance(error, ValueError)
    start = pdf.rindex(b"/Contents <") + len(b"/Contents <")
    value = bytes(pdf[start : pdf.index(b">", start)]).rstrip(b"0")
    changed = bytearray(pdf)
    place = start + len(value) - 20  # in the signature's value
    changed[place] = ord("1") if changed[place] != ord("1") else ord("2")
    with contextlib.suppress(ValueError):
        assert not status_of(bytes(changed)).bottom_line


def test_file_is_pdf_a_3a_and_pdf_ua_after_sealing(dossier):
    pdf = finished(dossier)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        root = opened.Root
        assert opened.pdf_version == "1.7"
        assert not opened.is_encrypted
        assert root.MarkInfo.Marked
        assert str(root.Lang) == "en"
        assert root.ViewerPreferences.DisplayDocTitle
        assert root.OutputIntents[0].S == "/GTS_PDFA1"
        assert {str(one.AFRelationship) for one in root.AF} == {
            "/Source",
            "/Data",
            "/Supplement",
        }
        assert set(opened.attachments) == {one.UF for one in root.AF}
        assert all(one.EF.F.Subtype for one in root.AF)
        xmp = root.Metadata.read_bytes().decode()
        with opened.open_metadata() as meta:
            assert meta.pdfa_status == "3A"
            assert meta["pdfuaid:part"] == "1"
            at = dossier.as_of.strftime("%Y-%m-%dT%H:%M:%S")
            assert meta["xmp:CreateDate"].startswith(at)
            assert meta["xmp:ModifyDate"].startswith(at)
        assert "pdfaExtension:schemas" in xmp
        assert "x-default" in xmp
        for page in opened.pages:
            assert page.Tabs == "/S"
        (widget,) = root.AcroForm.Fields
        assert widget.F & 4
        assert widget.Rect[0] < 0
        assert all(one.FontDescriptor for one in _embedded(opened))


def _embedded(opened: pikepdf.Pdf) -> list[pikepdf.Object]:
    """The descendants of all fonts; each must carry its program."""
    found = [
        kind.DescendantFonts[0]
        for item in opened.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font"
        for kind in [item]
        if "/DescendantFonts" in item
    ]
    for font in found:
        described = font.FontDescriptor
        assert any(f"/FontFile{n}" in described for n in ("", "2", "3"))
    assert found
    return found


def test_two_builds_differ_in_the_signature_only(dossier):
    pdf = finished(dossier)
    again = render(build.snapshot(dossier)).pdf
    assert sha256_hex(again) == dossier.unsealed_sha256
    assert pdf.startswith(again)
    assert sha256_hex(dossier.document.encode()) == dossier.document_sha256


def test_worker_killed_between_signing_and_storing_leaves_one_file(
    dossier, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(_dossier: Dossier) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(build, "_finish", killed)
        build.build_next()
    folder = f"dossiers/{dossier.pk}"
    left = set(default_storage.listdir(folder)[1])
    finished(dossier)
    assert dossier.attempts == 2
    kept = set(default_storage.listdir(folder)[1])
    assert {f"{folder}/{name}" for name in kept} == {
        dossier.pdf_name,
        dossier.bundle_name,
    }
    assert not kept & left


def test_failing_authority_is_asked_again_and_the_lack_is_said(
    dossier, settings, monkeypatch
):
    asked = []

    def fails(url: str, *_args: object, **_named: object) -> http.Answer:
        asked.append(url)
        raise http.CallFailed("nobody there")

    monkeypatch.setattr(sealing, "post", fails)
    monkeypatch.setattr(sealing, "PAUSE_SECONDS", 0)
    settings.FREIGABE_TSA_URL = "https://tsa.example/"
    pdf = finished(dossier)
    assert len(asked) == 2
    assert dossier.seal_level == "B-B"
    assert "nobody there" in dossier.seal_note
    assert status_of(pdf).bottom_line


def test_configured_authority_stamps_the_seal(dossier, settings, tmp_path):
    folder = tmp_path / "tsa"
    folder.mkdir()
    settings.FREIGABE_TSA_CERTIFICATES = str(stamping.founded(folder) / "ca.pem")
    with serving(stamping.answering(folder)) as url:
        settings.FREIGABE_TSA_URL = url
        pdf = finished(dossier)
    assert (dossier.seal_level, dossier.seal_note) == ("B-T", "")
    stamp = status_of(pdf).timestamp_validity
    assert stamp.intact
    assert stamp.valid
    assert abs(stamp.timestamp - timezone.now()) < timedelta(minutes=5)


def test_a_time_stamp_that_nobody_can_verify_is_none(dossier, settings, tmp_path):
    folder = tmp_path / "tsa"
    folder.mkdir()
    stamping.founded(folder)
    settings.FREIGABE_TSA_CERTIFICATES = ""
    with serving(stamping.answering(folder)) as url:
        settings.FREIGABE_TSA_URL = url
        finished(dossier)
    assert dossier.seal_level == "B-B"
    assert "FREIGABE_TSA_CERTIFICATES" in dossier.seal_note


@pytest.mark.parametrize("harm", ["lost", "foreign", "expired", "stolen", "garbled"])
def test_key_that_cannot_seal_fails_with_a_sentence(stage, dossier, harm, settings):
    now = timezone.now()
    key = seal_key.seal_key(at=now)
    folder = settings.FREIGABE_KEYS_DIR
    if harm == "lost":
        (folder / seal_key.KEY).unlink()
    elif harm == "foreign":
        (folder / seal_key.KEY).unlink()
        seal_key.create_file(folder / seal_key.KEY, seal_key._fresh_key())
    elif harm == "expired":
        now += timedelta(days=4000)
    elif harm == "stolen":
        with acting(by=stage.adam):
            KeyCompromise.objects.create(
                key_id=key.id, reason="x", reported_by=stage.adam, reported_at=now
            )
    else:
        (folder / seal_key.CERTIFICATES).write_text("no certificate")
    with pytest.raises(seal_key.SealUnusable):
        seal_key.seal_key(at=now)


def test_former_certificates_stay_published(dossier, settings):
    first = seal_key.seal_key(at=timezone.now())
    for name in (seal_key.KEY, seal_key.CERTIFICATES):
        (settings.FREIGABE_KEYS_DIR / name).unlink()
    seal_key.create_file(
        settings.FREIGABE_KEYS_DIR / seal_key.KEY, seal_key._fresh_key()
    )
    second = seal_key.seal_key(at=timezone.now())
    published = [one["keyid"] for one in seal_key.published()]
    assert published == [second.id, first.id]
    assert os.stat(settings.FREIGABE_KEYS_DIR / seal_key.KEY).st_mode & 0o77 == 0


def test_key_in_a_token_seals_with_the_certificate_of_an_authority(
    dossier, settings, tmp_path, monkeypatch
):
    token = softhsm.plugged_in(settings, tmp_path, monkeypatch)
    pkcs11 = pytest.importorskip("pkcs11")
    library = pkcs11.lib(settings.FREIGABE_PKCS11_MODULE)
    with library.get_token(token_label=token).open(user_pin=softhsm.PIN, rw=True) as at:
        curve = at.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: P256},
            local=True,
        )
        curve.generate_keypair(store=True, label="seal")
    settings.FREIGABE_PKCS11_SEAL_KEY = "seal"
    public, _sign = hardware.find_ecdsa("seal")
    authority = ec.generate_private_key(ec.SECP256R1())
    now = timezone.now()
    usage = dict.fromkeys(
        (
            *("key_encipherment", "data_encipherment", "key_agreement", "crl_sign"),
            *("key_cert_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    paper = (
        CertificateBuilder()
        .subject_name(Name([NameAttribute(NameOID.COMMON_NAME, "Our seal")]))
        .issuer_name(Name([NameAttribute(NameOID.COMMON_NAME, "An authority")]))
        .public_key(public)
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(
            KeyUsage(digital_signature=True, content_commitment=True, **usage), True
        )
        .sign(authority, hashes.SHA256())
    )
    (settings.FREIGABE_KEYS_DIR / seal_key.KEY).unlink(missing_ok=True)
    (settings.FREIGABE_KEYS_DIR / seal_key.CERTIFICATES).write_bytes(
        paper.public_bytes(Encoding.PEM)
    )
    pdf = finished(dossier)
    assert status_of(pdf).bottom_line
    assert not (settings.FREIGABE_KEYS_DIR / seal_key.KEY).exists()
    settings.FREIGABE_PKCS11_SEAL_KEY = "another"
    with pytest.raises(permit.NoKey):
        sealing.key_in_use(at=now)
