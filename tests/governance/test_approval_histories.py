"""Random histories of roles and signatures: none ends in a wrong approval."""

import functools
import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from governance import approvals, delegation, registration, roles
from governance.models import Authorisation, Signature
from governance.signatures import Proof
from registry.models import Role
from tests.governance.test_duties import held, newcomer
from tests.world import LONG_AGO, NOW, PASSWORD, World, log_verified

REFUSED = (
    approvals.SameHand,
    approvals.NoSeat,
    approvals.NotOpen,
    approvals.NotReady,
    delegation.CannotDelegate,
    roles.NotAllowed,
    roles.RoleConflict,
)
WHO = ("anna", "ben", "vera", "carl", "cora", "zoe")
GIVEN = (Role.VALIDATOR, Role.APPROVER, Role.DPO, Role.AUDITOR)
BEFORE = {
    "anna": Role.OWNER,
    "ben": Role.DEVELOPER,
    "vera": Role.VALIDATOR,
    "carl": Role.APPROVER,
    "cora": Role.COMPLIANCE,
    "zoe": Role.QA,
}
who = st.sampled_from(WHO)
STEPS = st.one_of(
    st.tuples(st.just("grant"), who, st.sampled_from(GIVEN)),
    st.tuples(st.just("end"), who, st.sampled_from([*GIVEN, Role.COMPLIANCE])),
    st.tuples(st.just("develop"), who),
    st.tuples(st.just("submit")),
    st.tuples(st.just("wait"), st.sampled_from([1, 12, 30])),
    st.tuples(st.just("delegate"), who, who, st.sampled_from(GIVEN[:2])),
    st.tuples(st.just("sign"), who, st.sampled_from(["review", "approval"])),
    st.tuples(st.just("sign"), who, st.sampled_from(["review", "approval"])),
)
HISTORIES = st.lists(STEPS, min_size=4, max_size=14)


@dataclass
class Oracle:
    """What the rules say of a tier 2 version, kept beside the program."""

    held: dict[tuple[str, str], object] = field(
        default_factory=lambda: dict.fromkeys(BEFORE.items(), LONG_AGO)
    )
    lost: set[tuple[str, str]] = field(default_factory=set)
    hands: set[str] = field(default_factory=lambda: {"anna", "ben"})
    # The world's risk manager assessed it; she is not among these people.
    signed: list[tuple[str, str, str, str, object]] = field(default_factory=list)

    def ever(self, name: str, *wanted: str) -> bool:
        return any((name, r) in self.held or (name, r) in self.lost for r in wanted)

    def may(self, name: str, holder: str, role: str, meaning: str, at) -> bool:
        """Whether this signature keeps every rule that the steps can break."""
        people = {name, holder}
        wanted = {"review": Role.VALIDATOR, "approval": Role.APPROVER}[meaning]
        since = self.held.get((holder, role))
        return (
            role == wanted
            and since is not None
            and not (name == holder and since > at - timedelta(hours=24))
            and not people & self.hands
            and not any(self.ever(p, Role.AUDITOR) for p in people)
            and not (
                meaning == "approval" and any(self.ever(p, Role.DPO) for p in people)
            )
            and not any(people & {s[0], s[1]} for s in self.signed)
            and not (meaning == "approval" and "vera" in people)
        )

    def complete(self) -> bool:
        """Whether the signatures that still count fill both seats."""
        counting = [
            s
            for s in self.signed
            if self.held.get((s[1], s[2]), s[4]) <= s[4]
            and (s[1], s[2]) in self.held
            and not {s[0], s[1]} & self.hands
        ]
        return {s[3] for s in counting} == {"review", "approval"}


class Play:
    """One history, played through the acts, with the oracle at its side."""

    def __init__(self, world, version, people) -> None:
        self.world, self.version, self.people = world, version, people
        self.at, self.oracle, self.request = NOW, Oracle(), None
        self.submit()

    def step(self, kind: str, *what) -> None:
        try:
            with transaction.atomic():
                getattr(self, kind)(*what)
        except REFUSED:
            return

    def wait(self, hours: int) -> None:
        self.at += timedelta(hours=hours)

    def submit(self) -> None:
        self.request = approvals.submit(
            version=self.version,
            environment=self.world.production,
            by=self.world.anna,
            at=self.at,
        )
        self.oracle.signed = []

    def grant(self, name: str, role: Role) -> None:
        roles.grant(user=self.people[name], role=role, by=self.world.adam, at=self.at)
        self.oracle.held.setdefault((name, role), self.at)

    def end(self, name: str, role: Role) -> None:
        roles.end(user=self.people[name], role=role, by=self.world.adam, at=self.at)
        if self.oracle.held.pop((name, role), None) is not None:
            self.oracle.lost.add((name, role))

    def develop(self, name: str) -> None:
        """The model is handed to a new developer, and back: the hand stays."""
        for person in (self.people[name], self.world.ben):
            registration.change_inventory(
                model=self.version.model,
                developer=person,
                by=self.world.anna,
                at=self.at,
            )
        self.version.model.refresh_from_db()
        self.oracle.hands.add(name)

    def delegate(self, name: str, to: str, role: Role) -> None:
        delegation.delegate(
            to=self.people[to],
            role=role,
            reason="Away.",
            valid_until=self.at + timedelta(days=5),
            by=self.people[name],
            at=self.at,
        )

    def sign(self, name: str, meaning: str) -> None:
        row = approvals.sign(
            request=self.request,
            meaning=meaning,
            proof=Proof(password=PASSWORD),
            by=self.people[name],
            at=self.at,
        )
        given = row.delegation
        holder = given.delegator.username if given else name
        assert self.oracle.may(name, holder, row.role, meaning, self.at), row.statement
        self.oracle.signed.append((name, holder, row.role, meaning, self.at))


@pytest.mark.parametrize(
    "most",
    [
        pytest.param(15, id="some"),
        pytest.param(
            10_000, id="soak", marks=[pytest.mark.soak, pytest.mark.timeout(0)]
        ),
    ],
)
def test_no_history_ends_in_an_approval_that_breaks_a_rule(world, most):
    people = {**world.people, "zoe": newcomer("zoe", Role.QA)}
    version = world.ready()

    @settings(
        max_examples=most,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(HISTORIES)
    @example([("sign", "vera", "review"), ("sign", "carl", "approval")])
    @example(
        [
            ("delegate", "carl", "zoe", Role.APPROVER),
            ("sign", "vera", "review"),
            ("sign", "zoe", "approval"),
        ]
    )
    def every_history(steps) -> None:
        with transaction.atomic():
            play = Play(world, version, people)
            for step in steps:
                play.step(*step)
                granted = Authorisation.objects.filter(request=play.request)
                if granted.exists():
                    assert play.oracle.complete()
                    assert Signature.objects.filter(request=play.request).count() >= 2
                    break
            transaction.set_rollback(True)
        version.model.refresh_from_db()

    every_history()


@pytest.fixture
def stage(fresh_database, django_db_blocker):
    """A world whose acts are committed, so that others see them."""
    with django_db_blocker.unblock():
        log_verified()
        yield World()


def test_two_signatures_at_the_same_moment_complete_a_quorum_once(stage):
    zoe = newcomer("zoe", Role.APPROVER)
    held(stage.cora, Role.APPROVER)
    request = approvals.submit(
        version=stage.ready(), environment=stage.production, by=stage.anna, at=NOW
    )
    give = functools.partial(
        approvals.sign, request=request, proof=Proof(password=PASSWORD), at=NOW
    )
    ready = threading.Barrier(4)
    came: list[object] = []

    def work(by, meaning) -> None:
        try:
            ready.wait(20)
            came.append(give(by=by, meaning=meaning))
        except REFUSED as refusal:
            came.append(refusal)
        finally:
            connections.close_all()

    pairs = [
        (stage.vera, "review"),
        (stage.carl, "approval"),
        (stage.cora, "approval"),
        (zoe, "approval"),
    ]
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(came) == 4
    assert Authorisation.objects.count() == 1
    assert sorted(s.meaning for s in Signature.objects.all()) == ["approval", "review"]
