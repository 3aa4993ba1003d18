"""`manage.py keeping`: what people do with rules, holds and erasing at a terminal."""

import io

import pytest
from django.core.management import CommandError, call_command

from audits import keeping as rules
from audits.models import Erasure, LegalHold
from governance import access, roles
from registry.models import Role, User
from tests.world import NOW, PASSWORD


@pytest.fixture
def run(world, monkeypatch):
    """Runs the command with a password on standard input; returns what it said."""

    def run(*words: str, password: str = PASSWORD) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        out = io.StringIO()
        call_command("keeping", *words, stdout=out)
        return out.getvalue()

    return run


def test_rules_are_listed_set_and_ended(run):
    assert "120 months  Regulation (EU) 2024/1689, Art. 18(1)" in run("list")
    run("rule", "House rule", "--months", "180", "--by", "rita")
    assert rules.longest().months == 180
    run("rule", "House rule", "--months", "180", "--end", "--by", "rita")
    assert rules.longest().months == 120


def test_a_hold_is_placed_listed_and_released_by_another(run, world):
    roles.grant(user=world.vera, role=Role.COMPLIANCE, by=world.adam, at=NOW)
    run("hold", "--because", "Case 1.", "--by", "cora")
    hold = LegalHold.objects.get()
    assert str(hold.pk) in run("list")
    release = ("release", str(hold.pk), "--because", "Over.", "--by")
    with pytest.raises(CommandError, match="four eyes"):
        run(*release, "cora")
    run(*release, "vera")
    assert not rules.standing_holds().exists()


def test_a_person_is_erased_and_what_stays_is_said(run, world):
    roles.grant(user=world.vera, role=Role.DPO, by=world.adam, at=NOW)
    erase = ("erase", "ben", "--because", "He asked.", "--by", "vera")
    with pytest.raises(CommandError, match="--deactivate"):
        run(*erase)
    access.deactivate(user=world.ben, by=world.adam, at=NOW)
    said = run(*erase)
    assert said.startswith("Erased: now erased-")
    assert "commitments" in said
    assert Erasure.objects.count() == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("rule", "x", "--months", "0", "--by", "rita"), "1 to 1200"),
        (("rule", "x", "--months", "5", "--by", "adam"), "may not"),
        (("hold", "--table", "x", "--because", "x", "--by", "cora"), "is not a table"),
        (("release", "7", "--because", "x", "--by", "cora"), "no legal hold 7"),
        (("erase", "nobody", "--because", "x", "--by", "cora"), "no user nobody"),
        (("erase", "ben", "--because", "x", "--by", "cora"), "may not"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(run, words, why):
    with pytest.raises(CommandError, match=why):
        run(*words)


@pytest.mark.parametrize("name", ["rita", "nobody", "system"])
def test_without_the_right_password_nothing_is_done(run, name):
    with pytest.raises(CommandError, match="password is wrong"):
        run("rule", "x", "--months", "500", "--by", name, password="guess")
    assert rules.longest().months == 120


def test_a_closed_account_does_nothing(run, world):
    User.objects.filter(username="rita").update(is_active=False)
    with pytest.raises(CommandError, match="password is wrong"):
        run("rule", "x", "--months", "500", "--by", "rita")
