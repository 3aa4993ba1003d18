"""RFC 3161 time stamps: published tokens, and a real authority made of openssl."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from audits import log
from audits.models import TimeStamp
from audits.outside import timestamps
from audits.outside.coverage import not_protected
from tests.audits import stamping
from tests.audits.ledger import NOW, add_user, behind_triggers, checked, only_finding
from tests.audits.servers import serving

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "rfc3161"
published = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="../shared/vectors is not there"
)


@published
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_published_tokens_verify(settings, digest):
    settings.FREIGABE_TSA_CERTIFICATES = str(VECTORS / "sigstage" / "ts_chain.pem")
    token = (VECTORS / "sigstage" / f"response-{digest}.tsr").read_bytes()
    assert timestamps.verify(token, b"hello").year >= 2024


@published
@pytest.mark.parametrize(
    ("folder", "file", "message"),
    [
        ("sigstage", "response-sha256.tsr", b"hallo"),
        ("sigstage", "response-invalid-signature.tsr", b"hello"),
        ("sigstage", "response-no-embedded-cert.tsr", b"hello"),
        ("sigstage", "request.der", b"hello"),
        ("sigstore.mock", "response-expired.tsr", b"hello"),
        ("test_tsa", "other_response.tsr", b"hello"),
    ],
)
def test_published_bad_tokens_are_refused(settings, folder, file, message):
    settings.FREIGABE_TSA_CERTIFICATES = str(VECTORS / folder / "ts_chain.pem")
    with pytest.raises(timestamps.NotStamped):
        timestamps.verify((VECTORS / folder / file).read_bytes(), message)


@published
def test_a_token_of_another_authority_is_refused(settings):
    settings.FREIGABE_TSA_CERTIFICATES = str(VECTORS / "test_tsa" / "ts_chain.pem")
    token = (VECTORS / "sigstage" / "response-sha256.tsr").read_bytes()
    with pytest.raises(timestamps.NotStamped):
        timestamps.verify(token, b"hello")


@pytest.mark.parametrize("token", [b"", b"x", b"\x30\x03\x02\x01\x02"])
def test_rubbish_is_refused(settings, authority, token):
    with pytest.raises(timestamps.NotStamped):
        timestamps.verify(token, b"hello")


@pytest.mark.parametrize("content", [None, "", "rubbish"])
def test_certificates_that_cannot_be_used_are_named(settings, tmp_path, content):
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_text(content)
    settings.FREIGABE_TSA_CERTIFICATES = str(path)
    with pytest.raises(ImproperlyConfigured, match="FREIGABE_TSA_CERTIFICATES"):
        timestamps.verify(b"x", b"hello")


@pytest.fixture(scope="module")
def tsa(tmp_path_factory) -> Path:
    return stamping.founded(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def authority(tsa, settings):
    """Serve the authority and trust its root."""
    settings.FREIGABE_TSA_CERTIFICATES = str(tsa / "ca.pem")
    with serving(stamping.answering(tsa)) as url:
        settings.FREIGABE_TSA_URL = url
        yield url


def test_the_latest_checkpoint_is_stamped_hourly(written_log, authority):
    token = timestamps.stamp(at=NOW)
    assert token.tree_size == log.latest_checkpoint().tree_size
    now = token.stamped_at
    assert timestamps.stamp(at=now + timedelta(hours=2)) is None
    add_user("dora")
    log.advance(at=NOW)
    assert timestamps.stamp(at=now + timedelta(minutes=59)) is None
    assert timestamps.stamp(at=now + timedelta(hours=1)).tree_size > token.tree_size
    verdict = checked()
    assert verdict.ok
    assert verdict.checked["time stamps"] == 2


def test_a_stamp_of_another_note_is_found(written_log, superuser, authority):
    timestamps.stamp(at=NOW)
    behind_triggers(
        superuser, "audits_timestamp", "UPDATE audits_timestamp SET tree_size = 3"
    )
    assert "on 3 leaves" in only_finding("timestamp").what


@pytest.mark.parametrize("status", [200, 302, 500])
def test_an_authority_that_answers_nonsense_stores_nothing(
    written_log, settings, authority, status
):
    with serving(lambda *_: (status, "text/html", b"<html>")) as url:
        settings.FREIGABE_TSA_URL = url
        with pytest.raises(timestamps.NotStamped):
            timestamps.stamp(at=NOW)
    with pytest.raises(timestamps.NotStamped, match="cannot be reached"):
        timestamps.stamp(at=NOW)
    assert not TimeStamp.objects.exists()


def test_an_old_answer_is_refused_by_its_nonce(written_log, settings, authority):
    timestamps.stamp(at=NOW)
    old = bytes(TimeStamp.objects.get().token)
    add_user("dora")
    log.advance(at=NOW)
    with serving(lambda *_: (200, timestamps.REPLY, old)) as url:
        settings.FREIGABE_TSA_URL = url
        with pytest.raises(timestamps.NotStamped):
            timestamps.stamp(at=NOW + timedelta(days=900))


def test_without_an_authority_it_is_said(written_log):
    assert timestamps.stamp(at=NOW) is None
    assert any("server's clock" in text for text in not_protected())
