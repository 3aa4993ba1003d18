"""A dossier of a past moment: whatever changed afterwards, it says the same bytes."""

import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone
from django.utils.translation import override

from audits import log, past
from audits.capture import governed_tables, relation
from audits.models import Entry
from governance import (
    feeding,
    findings,
    gate,
    registration,
)
from governance.dossier import build
from governance.dossier.collect import NotRecorded
from governance.models import Severity
from registry.acts import acting
from registry.models import Environment, RegisteredModel, User
from tests import world
from tests.governance.dossier_stage import Stage
from tests.world import log_verified


@pytest.fixture
def stage(fresh_database, monkeypatch) -> Stage:
    monkeypatch.setattr(world, "NOW", timezone.now())
    return Stage()


def told(dossier) -> dict:
    """What the dossier says, collected now."""
    log.advance(at=timezone.now())
    with override(dossier.language):
        return json.loads(build.snapshot(dossier).document.body)


@contextmanager
def tables_read():
    """The tables that queries inside name."""
    seen: set[str] = set()

    def look(execute, sql, params, many, context):
        seen.update(t.table for t in governed_tables() if f'"{t.table}"' in sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


def changed_in_place(names: set[str]) -> set[str]:
    """Change every value that can be changed of the rows in these tables."""
    found = set()
    every = RegisteredModel._meta.apps.get_models(include_auto_created=True)
    for model in every:
        if model._meta.db_table not in names or getattr(model, "append_only", False):
            continue
        for field in model._meta.concrete_fields:
            if field.primary_key or field.remote_field:
                continue
            try:
                with acting(by="test"), transaction.atomic():
                    if model.objects.update(**{field.attname: _other(field)}):
                        found.add(f"{model._meta.db_table}.{field.attname}")
            except (DatabaseError, ValueError, NotImplementedError):
                continue
    return found


def _other(field):
    if isinstance(field, models.CharField | models.TextField) and not field.choices:
        return models.functions.Left(
            models.functions.Concat(models.Value("X"), models.F(field.attname)),
            (field.max_length or 100) - 1,
        )
    if isinstance(field, models.BooleanField):
        return models.Case(
            models.When(**{field.attname: True}, then=False), default=True
        )
    if isinstance(field, models.DateTimeField | models.DateField):
        return models.F(field.attname) + timedelta(days=3)
    if isinstance(field, models.JSONField):
        return {"changed": True}
    raise NotImplementedError


def test_whatever_changes_later_leaves_the_past_as_it_was(stage):
    version = stage.approved()
    model = version.model
    dossier = stage.asked(version)
    with tables_read() as names:
        before = told(dossier)
    _acts_afterwards(stage, version)
    fields = changed_in_place(names)
    assert "registry_user.first_name" in fields
    assert "registry_environment.name" in fields
    assert "registry_dataset.name" in fields
    assert "registry_registeredmodel.purpose" in fields
    after = told(dossier)
    for part, said in before.items():
        assert after[part] == said, part
    dossier.as_of = timezone.now()
    now = told(dossier)
    assert now["standing"]["tier"] != before["standing"]["tier"]
    assert now["inventory"]["name"] != before["inventory"]["name"]
    assert now["exceptions"] != before["exceptions"]
    assert RegisteredModel.objects.get(pk=model.pk).purpose.startswith("X")


def _acts_afterwards(stage, version) -> None:
    severe = stage.model(slug="severe", name="Severe")
    stage.assessed(severe, likelihood=5, impact=5)
    feeding.declare(
        upstream=version.model, model=severe, by=stage.anna, at=timezone.now()
    )
    stage.assessed(version.model, likelihood=5, impact=5)
    stage.measured_with_figures(version)
    question = gate.Question("production", version.model.slug, version.version)
    gate.decide(question=question, by=stage.ola, at=timezone.now())
    now = timezone.now()
    findings.raise_finding(
        model=version.model,
        version=version,
        severity=Severity.HIGH,
        title="Later",
        text="Raised later.",
        due_on=now.date() + timedelta(days=30),
        by=stage.vera,
        at=now,
    )
    registration.change_inventory(
        model=version.model, purpose="Anything", by=stage.anna, at=timezone.now()
    )
    log_verified(timezone.now())


def test_a_name_that_was_erased_since_is_said_to_be(stage):
    version = stage.version(stage.model())
    dossier = stage.asked(version)
    with acting(by="test"):
        User.objects.filter(pk=stage.ben.pk).update(first_name="Benedikt")
    assert told(dossier)["version"]["developer"] == "Ben Moreau"


def test_a_row_deleted_since_is_there_and_a_later_one_is_not(stage):
    with acting(by="test"):
        place = Environment.objects.create(slug="old", name="Old")
    moment = timezone.now()
    with acting(by="test"):
        place.delete()
        Environment.objects.create(slug="new", name="New")
    with transaction.atomic(), past.as_of(moment):
        names = set(Environment.objects.values_list("slug", flat=True))
        count = Environment.objects.filter(slug="old").count()
    assert "old" in names
    assert "new" not in names
    assert count == 1


def test_before_the_log_knew_the_version_there_is_no_dossier(stage):
    version = stage.version(stage.model())
    dossier = stage.asked(version)
    entry = Entry.objects.filter(rel=relation(type(version)), pk_text=version.pk).get()
    dossier.as_of = entry.occurred_at - timedelta(microseconds=1)
    with pytest.raises(NotRecorded):
        told(dossier)
    dossier.as_of = entry.occurred_at
    assert told(dossier)["version"]["version"] == version.version
