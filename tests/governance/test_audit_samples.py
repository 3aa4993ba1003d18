"""Samples that anybody can draw again: they hold offline, and end with the access."""

import base64
import hashlib
import json
import subprocess
import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audits import log, merkle
from governance import auditing
from governance.models import AuditDraw, AuditSample
from registry.acts import through
from registry.models import RegisteredModel, User
from tests.governance.auditors_stage import given, staged
from tests.governance.test_pages_log import as_
from tests.world import World


@pytest.fixture
def stage(db) -> tuple[World, User]:
    return staged()


def wish(**more) -> auditing.Wish:
    today = timezone.now().date()
    terms = {
        "kind": "versions",
        "begin": today - timedelta(days=400),
        "end": today + timedelta(days=400),
        "size": 3,
        "by_tier": False,
        "reason": "Test",
    }
    return auditing.Wish(**{**terms, **more})


def checked(tmp_path, settings, content: dict) -> subprocess.CompletedProcess[str]:
    (tmp_path / "sample.json").write_text(json.dumps(content))
    (tmp_path / "keys.json").write_bytes(
        Client().get("/.well-known/freigabe/keys.json").content
    )
    return subprocess.run(
        [sys.executable, "-m", "audits.offline", "sample.json", "--key", "keys.json"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(settings.BASE_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_samples_hold_offline_and_nothing_in_them_can_be_changed(
    fresh_database, tmp_path, settings
):
    world = World()
    world.version(world.model())
    log.advance(at=timezone.now())
    word = hashlib.sha256(b"a word of mine").hexdigest()
    for kind, secret in (("entries", ""), ("versions", "a word of mine")):
        with through("page"):
            row = auditing.ask_sample(
                wish=wish(kind=kind, secret_sha256=word if secret else ""),
                by=world.ines,
                at=timezone.now(),
            )
        with pytest.raises(auditing.CannotDraw):
            auditing.draw(sample=row, secret="", by=world.ines, at=timezone.now())
        log.advance(at=timezone.now())
        if secret:
            with pytest.raises(auditing.CannotDraw, match="not the word"):
                auditing.draw(sample=row, secret="x", by=world.ines, at=timezone.now())
        drawn = auditing.draw(
            sample=row, secret=secret, by=world.ines, at=timezone.now()
        )
        again = auditing.draw(
            sample=row, secret=secret, by=world.ines, at=timezone.now()
        )
        assert again == drawn
        content = auditing.file_of(drawn, by=world.ines)
        done = checked(tmp_path, settings, content)
        assert done.returncode == 0, done.stdout + done.stderr
    other = json.loads(json.dumps(content))
    other["chosen"][0]["id"] = str(world.anna.pk)
    assert checked(tmp_path, settings, other).returncode == 1
    other = {**content, "population": content["population"] + "all x y\n"}
    assert checked(tmp_path, settings, other).returncode == 1
    assert checked(tmp_path, settings, {**content, "secret": "b"}).returncode == 1
    assert checked(tmp_path, settings, {**content, "chosen": []}).returncode == 1
    other = json.loads(json.dumps(content))
    true = other["chosen"][0]["entry"]
    leaf = merkle.leaf_hash(true["body"].encode())
    true["body"] = true["body"].replace('"ctx"', '"said"')
    true["leaf_hash"] = base64.b64encode(leaf).decode()
    done = checked(tmp_path, settings, other)
    assert done.returncode == 1, "a hash beside it does not vouch for a body"
    address = reverse("web:audit_sample", args=[row.pk])
    page = as_(world.ines).get(address).content.decode()
    assert drawn.root_sha256 in page
    ((_stratum, table, key),) = drawn.chosen
    assert reverse("web:log_object", args=[table, key]) in page
    assert "Version of a model" in page
    assert as_(world.ines).get(f"{address}file").json() == content
    assert as_(world.anna).get(f"{address}file").status_code == 403


def sample_of(asker: User, size: int = 1) -> AuditSample:
    today = timezone.now()
    return AuditSample.objects.create(
        kind="versions",
        begin=today.date(),
        end=today.date(),
        size=size,
        by_tier=False,
        count=size,
        population="",
        population_sha256="0" * 64,
        reason="Test",
        asked_by=asker,
        asked_at=today,
    )


def drawn_from(sample: AuditSample, *keys: object, tree_size: int = 1) -> AuditDraw:
    """As if these versions had been drawn."""
    return AuditDraw.objects.create(
        sample=sample,
        leaf_index=0,
        tree_size=tree_size,
        root_sha256="0" * 64,
        chosen=[["all", "registry_modelversion", str(key)] for key in keys],
        drawn_by=sample.asked_by,
        drawn_at=sample.asked_at,
    )


def test_a_sample_is_closed_to_its_auditor_once_the_access_to_its_models_is_over(stage):
    world, iris = stage
    version = world.version(RegisteredModel.objects.get())
    row = given(world, iris, patterns=[version.model.slug])
    drawn = drawn_from(sample_of(iris), version.pk)
    address = reverse("web:audit_sample", args=[drawn.sample_id])
    page = as_(iris).get(address).content.decode()
    history = reverse("web:log_object", args=["registry_modelversion", version.pk])
    assert str(version.pk) in page
    assert history not in page
    assert history in as_(world.ines).get(address).content.decode()
    given(world, iris, patterns=["other-*"])
    auditing.end_access(access=row, reason="Done", by=world.cora, at=timezone.now())
    answer = as_(iris).get(f"{address}file")
    assert answer.status_code == 403
    assert b"not for all models of this sample any more" in answer.content


def test_a_sample_whose_entries_were_archived_says_so(fresh_database):
    world = World()
    with through("page"):
        sample = sample_of(world.ines)
    log.advance(at=timezone.now())
    size = log.latest_checkpoint().tree_size
    with through("page"):
        drawn_from(sample, uuid4(), tree_size=size)
    address = reverse("web:audit_sample", args=[sample.pk])
    page = as_(world.ines).get(f"{address}file", follow=True).content.decode()
    assert "Its entries lie in an archive by now." in page


def test_only_auditors_are_offered_the_file_of_a_sample(stage):
    world, _iris = stage
    drawn = drawn_from(sample_of(world.ines))
    address = reverse("web:audit_sample", args=[drawn.sample_id])
    assert f"{address}file" in as_(world.ines).get(address).content.decode()
    assert f"{address}file" not in as_(world.anna).get(address).content.decode()
