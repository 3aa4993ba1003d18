"""Schedules: asked for once when due, mailed to who may read, removed in time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client, TestCase

from audits import keeping
from audits.models import RetentionRule
from governance import access, roles
from governance.dossier import removal, scheduling
from governance.dossier.request import CannotBuild, request_dossier
from governance.models import Dossier, DossierMail, DossierSchedule
from registry.acts import acting
from registry.models import Role, RoleAssignment, User
from tests.world import NOW, World, later

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


@pytest.fixture
def world() -> World:
    return World()


def scheduled(world: World, **changes: object) -> DossierSchedule:
    wanted = {
        "models_pattern": "*",
        "every": "monthly",
        "first_on": TODAY + timedelta(days=1),
        "recipients": ["vera", "ines"],
        "by": world.ines,
        "at": NOW,
    }
    return scheduling.schedule(**wanted | changes)


def system() -> User:
    return access.system_user()


def run(at: datetime) -> None:
    while scheduling.request_next(by=system(), at=at):
        pass


def ended(row: Dossier, state: str, at: datetime) -> None:
    with acting(by="worker"):
        row.state, row.ended_at, row.failure = (
            state,
            at,
            "No key." * (state == "failed"),
        )
        if state == "finished":
            row.pdf_name = default_storage.save(
                f"dossiers/{row.pk}/x.pdf", ContentFile(b"%PDF")
            )
            row.pdf_sha256 = "d" * 64
        row.save()


def test_due_dossiers_are_asked_for_once_as_of_the_day(world):
    version = world.version(world.model())
    row = scheduled(world)
    run(NOW)
    assert not Dossier.objects.exists()
    due = datetime.combine(row.first_on, datetime.min.time(), UTC)
    for _tick in range(3):
        run(due + timedelta(hours=5))
    (dossier,) = Dossier.objects.all()
    assert (dossier.version, dossier.as_of, dossier.due_on) == (
        version,
        due,
        row.first_on,
    )
    row.refresh_from_db()
    assert row.next_on == keeping.add_months(row.first_on, 1)


def test_a_clock_that_stood_still_makes_up_for_the_last_day_alone(world):
    world.version(world.model())
    row = scheduled(world, first_on=date(TODAY.year + 1, 1, 31))
    run(datetime(TODAY.year + 1, 4, 30, 12, tzinfo=UTC))
    (dossier,) = Dossier.objects.all()
    assert dossier.due_on == date(TODAY.year + 1, 4, 30)
    row.refresh_from_db()
    assert row.next_on == date(TODAY.year + 1, 5, 31), "the day drifted"


def test_who_lost_the_right_asks_for_nothing_more(world):
    world.version(world.model())
    row = scheduled(world)
    with acting(by="test"):
        RoleAssignment.objects.filter(user=world.ines).update(ended_at=NOW)
    run(later(days=40))
    row.refresh_from_db()
    assert not Dossier.objects.exists()
    assert row.ended_at is not None
    assert "may not" in row.ended_because


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("every", {"every": "hourly"}),
        ("language", {"language": "fr"}),
        ("first_on", {"first_on": TODAY - timedelta(days=1)}),
        ("first_on", {"first_on": date(9999, 12, 31)}),
        ("models_pattern", {"models_pattern": "nothing-*"}),
        ("recipients", {"recipients": ["nobody"]}),
        ("recipients", {"recipients": [f"u{n}" for n in range(51)]}),
    ],
)
def test_what_cannot_be_scheduled_is_refused_by_field(world, field, wrong):
    world.model()
    with pytest.raises(CannotBuild) as refused:
        scheduled(world, **wrong)
    assert refused.value.field == field
    assert not DossierSchedule.objects.exists()


def test_it_is_mailed_once_to_who_may_read_it(world):
    world.version(world.model())
    with acting(by="test"):
        User.objects.filter(username__in=["vera", "ines"]).update(email="x@example.org")
    scheduled(world, recipients=["vera", "ines", "adam", "carl"])
    run(later(days=2))
    dossier = Dossier.objects.get()
    ended(dossier, "finished", later(days=2))
    with acting(by="test"):
        RoleAssignment.objects.filter(user=world.vera).update(ended_at=later(days=2))
        User.objects.filter(username="carl").update(email="")
    for _tick in range(3):
        assert scheduling.send_all(by=system(), at=later(days=2, hours=1)) == []
    (message,) = [one for one in mail.outbox if "Dossier" in one.subject]
    assert message.to == ["x@example.org"]
    assert message.attachments[0][1] == b"%PDF"
    assert "d" * 64 in message.body
    said = {row.person.username: row.refusal for row in DossierMail.objects.all()}
    assert said["ines"] == ""
    assert "may not" in said["vera"]
    assert "address" in said["carl"]


def test_a_failure_is_mailed_too_and_a_refusing_server_is_asked_again(
    world, monkeypatch
):
    world.version(world.model())
    with acting(by="test"):
        User.objects.filter(username="ines").update(email="x@example.org")
    scheduled(world, recipients=["ines"])
    run(later(days=2))
    ended(Dossier.objects.get(), "failed", later(days=2))
    with monkeypatch.context() as patch:

        def refuse(*_args: object) -> None:
            raise OSError("no server")

        patch.setattr("governance.dossier.scheduling.EmailMessage.send", refuse)
        (failure,) = scheduling.send_all(by=system(), at=later(days=2))
    assert "no server" in failure
    assert not DossierMail.objects.exists()
    scheduling.send_all(by=system(), at=later(days=2))
    assert "failed: No key." in mail.outbox[-1].body


def test_page_and_call_set_up_show_and_end_it(world):
    world.model()
    client = Client()
    client.force_login(world.ines)
    asked = {
        "models_pattern": "*",
        "every": "yearly",
        "first_on": "1999-01-01",
        "language": "de",
        "recipients": "vera",
    }
    page = client.post("/dossiers/schedules/", asked).content.decode()
    assert "within the two years" in page
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    asked["first_on"] = tomorrow.isoformat()
    assert client.post("/dossiers/schedules/", asked).status_code == 302
    row = DossierSchedule.objects.get()
    assert "Every year" in client.get("/dossiers/schedules/").content.decode()
    token, secret = access.issue_token(
        name="auditor", role=Role.AUDITOR, by=system(), at=NOW
    )
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    listed = api.get("/api/v1/dossier-schedules").json()
    assert [one["recipients"] for one in listed] == [["vera"]]
    url = f"/dossiers/schedules/{row.pk}/end"
    client.post(url, {"reason": "Enough."})
    row.refresh_from_db()
    assert row.ended_because == "Enough."
    assert not roles.may(world.adam, scheduling.RIGHT)
    again = api.post(
        f"/api/v1/dossier-schedules/{row.pk}/end",
        {"reason": "x"},
        content_type="application/json",
    )
    assert again.status_code in (403, 422)


def test_files_go_when_no_rule_keeps_them_and_the_digest_stays(world):
    version = world.version(world.model())
    dossier = request_dossier(version=version, by=world.ines, at=later(hours=1))
    ended(dossier, "finished", later(hours=2))
    months = keeping.longest().months
    over = datetime.combine(
        keeping.add_months(TODAY, months) + timedelta(days=2), datetime.min.time(), UTC
    )
    assert not removal.remove_next(by=system(), at=over - timedelta(days=5))
    keeping.place_hold(
        because="Case 0", rel=removal.REL, pk="no id", by=world.rita, at=NOW
    )
    hold = keeping.place_hold(
        because="Case 1", rel=removal.REL, pk=str(dossier.pk), by=world.rita, at=NOW
    )
    assert not removal.remove_next(by=system(), at=over)
    keeping.release_hold(hold=hold, because="Over", by=world.vera, at=NOW)
    assert default_storage.exists(dossier.pdf_name)
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert removal.remove_next(by=system(), at=over)
    gone = dossier.pdf_name
    dossier.refresh_from_db()
    assert not default_storage.exists(gone)
    assert (dossier.pdf_name, dossier.document) == ("", "")
    assert dossier.pdf_sha256 == "d" * 64
    assert not removal.remove_next(by=system(), at=over)
    page = Client().get(f"/check/{'d' * 64}/").content.decode()
    assert "exactly this file" in page
    client = Client()
    client.force_login(world.ines)
    page = client.get(f"/dossiers/{dossier.pk}/").content.decode()
    assert "The files were removed" in page
    assert client.get(f"/dossiers/{dossier.pk}/bundle").status_code == 404


def test_without_any_rule_nothing_goes(world):
    version = world.version(world.model())
    dossier = request_dossier(version=version, by=world.ines, at=later(hours=1))
    ended(dossier, "finished", later(hours=2))
    for rule in keeping.rules_in_force():
        keeping.set_rule(
            basis=rule.basis,
            record=rule.record,
            months=rule.months,
            in_force=False,
            by=world.rita,
            at=later(hours=3),
        )
    assert RetentionRule.objects.exists()
    assert not removal.remove_next(by=system(), at=later(days=365 * 200))
