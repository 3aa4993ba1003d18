"""Attacks on a log, and what must come of each: refused, recorded, or named.

An attack runs as a superuser who hides what can be hidden: triggers are off while rows
change and stand afterwards as before, and no DDL is recorded.
"""
# ruff: noqa: S608 - statements of an attacker, made of constants

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import psycopg
import pytest

from audits.findings import Finding
from audits.models import Entry
from audits.verification import Verdict
from registry.models import User
from tests.audits.ledger import behind_triggers, checked


@dataclass(frozen=True)
class Named:
    """A finding that a verdict must have: its kind, its place, words of its text."""

    kind: str
    words: str = ""
    table: str | None = None
    key: str | None = None  # {anna}: the key of that user's row
    entry: str | None = None  # {anna}: the entry that inserted it

    def is_in(self, verdict: Verdict, names: dict[str, str]) -> bool:
        """Whether a finding says exactly that."""
        return any(self._fits(item, names) for item in verdict.findings)

    def _fits(self, item: Finding, names: dict[str, str]) -> bool:
        return (
            item.kind in self.kind.split("|")
            and self.words.format(**names) in item.text
            and self.table in (None, item.table.removeprefix("public."))
            and (self.key is None or self.key.format(**names) == item.key)
            and (self.entry is None or self.entry.format(**names) == str(item.entry))
        )


@dataclass(frozen=True)
class Attack:
    """What is done, in order, and by which findings it is named.

    A pair is a table and a statement that runs with the table's triggers off.
    `ok`: nothing is broken, and what was done is recorded or noticed.
    """

    name: str
    steps: tuple[str | tuple[str, str] | Callable[[psycopg.Connection], object], ...]
    named: tuple[Named, ...]
    ok: bool = False


def attacks(*items: Attack) -> pytest.MarkDecorator:
    """Parametrise a test with attacks, each by its name."""
    assert len({item.name for item in items}) == len(items)
    return pytest.mark.parametrize(
        "attack", [pytest.param(i, id=i.name) for i in items]
    )


def carry_out(attack: Attack, by: psycopg.Connection) -> None:
    """See that all is well, attack, and see that the attack is named."""
    _require_honest_log()
    names = places()
    by.execute("SET event_triggers = off")
    for step in attack.steps:
        if callable(step):
            step(by)
        elif isinstance(step, tuple):
            table, statement = step
            behind_triggers(by, table, statement.format(**names))
        else:
            by.execute(step.format(**names) if "{" in step else step)
    verdict = checked()
    assert verdict.ok == attack.ok, verdict.findings
    for item in attack.named:
        assert item.is_in(verdict, names), (item, verdict)


@cache
def _require_honest_log() -> None:
    """Verify once what every attack begins with: each has its copy of one database."""
    verdict = checked()
    assert verdict.ok, verdict.findings
    assert verdict.findings == ()


def places() -> dict[str, str]:
    """Return the keys of the rows that write_log() made, and their entries."""
    names = {}
    for user in User.objects.filter(username__in=("anna", "ben", "carla")):
        entry = Entry.objects.get(rel="public.registry_user", op="I", pk_text=user.pk)
        names[user.username] = str(user.pk)
        names[f"{user.username}_entry"] = str(entry.pk)
    last = Entry.objects.order_by("entry_id").last().pk
    names |= {"last_entry": str(last), "next_entry": str(last + 1)}
    return names
