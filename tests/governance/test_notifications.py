"""What people are told: to whom, in which language, and what they have read."""

import pytest
from django.db import DatabaseError, transaction
from django.utils.translation import gettext_lazy

from governance import notifications, roles
from governance.models import Notification, NotificationRead
from registry.models import Role
from tests.world import NOW, later


def tell(to, **more):
    words = {"subject": "A waiver ends", "text": "Waiver 7 ends tomorrow.", **more}
    return notifications.tell(to=to, at=NOW, **words)


def test_people_and_roles_are_told_each_once(world):
    tell([world.rita, Role.RISK_MANAGER, Role.COMPLIANCE])
    told = Notification.objects.values_list("recipient__username", flat=True)
    assert sorted(told) == ["cora", "rita", "rolf"]


def test_nobody_is_told_who_left_or_is_a_machine(world):
    world.cora.is_active = False
    world.cora.save()
    world.vera.is_machine = True
    world.vera.save()
    tell([world.cora, world.vera, Role.VALIDATOR])
    assert not Notification.objects.exists()


def test_a_role_that_ended_is_told_nothing_more(world):
    roles.end(user=world.rita, role=Role.RISK_MANAGER, by=world.adam, at=NOW)
    tell([Role.RISK_MANAGER])
    assert [row.recipient for row in Notification.objects.all()] == [world.rolf]


def test_each_reads_it_in_their_own_language(world):
    notifications.wish(language="de", digest="never", by=world.rita, at=NOW)
    tell([world.rita, world.cora], subject=gettext_lazy("Approvals"))
    said = dict(Notification.objects.values_list("recipient__username", "subject"))
    assert said == {"rita": "Freigaben", "cora": "Approvals"}


def test_what_the_act_undoes_nobody_is_told(world):
    with pytest.raises(RuntimeError), transaction.atomic():
        tell([world.rita])
        raise RuntimeError
    assert not Notification.objects.exists()


def test_one_reads_only_what_was_told_to_oneself(world):
    tell([world.rita, world.cora])
    rows = list(Notification.objects.all())
    assert notifications.mark_read(notifications=rows, by=world.rita, at=NOW) == 1
    assert notifications.mark_read(notifications=rows, by=world.rita, at=NOW) == 0
    assert not notifications.unread(world.rita)
    assert len(notifications.unread(world.cora)) == 1
    assert NotificationRead.objects.get().read_by == world.rita


def test_what_was_told_cannot_be_changed(world):
    tell([world.rita])
    with pytest.raises(DatabaseError), transaction.atomic():
        Notification.objects.update(told_at=later(days=1))
