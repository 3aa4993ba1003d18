"""Separation of duties at signing time: each rule, over history."""

import pytest

from governance import access, approvals, duties, persons, registration, roles
from governance.case import Case
from governance.models import Authorisation, Signature
from governance.requirements.quorum import progress
from governance.signatures import Proof
from registry.models import Role, RoleAssignment, User
from tests.world import LONG_AGO, NOW, PASSWORD, World, later


def submit(world: World, version):
    return approvals.submit(
        version=version, environment=world.production, by=world.anna, at=NOW
    )


def sign(request, by, meaning="review", at=NOW, comment=""):
    return approvals.sign(
        request=request,
        meaning=meaning,
        proof=Proof(password=PASSWORD),
        by=by,
        at=at,
        comment=comment,
    )


def newcomer(username: str, role: Role | None, at=LONG_AGO) -> User:
    system = access.system_user()
    person = access.create_person(
        username=username,
        first_name=username.capitalize(),
        last_name="Novak",
        email=f"{username}@bank.example",
        unit="",
        password=PASSWORD,
        by=system,
    )
    if role:
        RoleAssignment.objects.create(user=person, role=role, granted_at=at)
    return person


def identified(user: User) -> None:
    """The directory tells this person from all others."""
    persons.record_identity(
        user=user,
        kind="external-id",
        issuer="hr",
        value=f"p-{user.username}",
        by=access.system_user(),
        at=NOW,
    )


def held(user, role, since=LONG_AGO, until=None):
    return RoleAssignment.objects.create(
        user=user, role=role, granted_at=since, ended_at=until
    )


def tier(world, number):
    """A version of this tier that can be submitted."""
    scores = {1: (5, 5), 2: (4, 4), 3: (2, 3), 4: (1, 1)}
    model = world.model()
    version = world.version(model)
    world.measured(version, world.data())
    world.assessed(model, *scores[number])
    return version


def test_the_table_has_all_sixteen_rules_and_names_where_each_is_applied():
    assert {rule.id for rule in duties.RULES} == set(range(1, 18))
    assert all(rule.where for rule in duties.RULES)


def test_rule_1_a_former_developer_does_not_review(world):
    version = world.ready()
    registration.change_inventory(
        model=version.model,
        developer=newcomer("zoe", Role.DEVELOPER),
        by=world.anna,
        at=NOW,
    )
    held(world.ben, Role.VALIDATOR)
    with pytest.raises(approvals.SameHand, match="Ben Moreau"):
        sign(submit(world, version), world.ben)


def test_rule_2_who_uploaded_the_file_does_not_approve(world):
    request = submit(world, world.ready())
    held(world.ben, Role.APPROVER)
    with pytest.raises(approvals.SameHand, match="Ben Moreau"):
        sign(request, world.ben, "approval")


def test_rule_3_the_validator_of_an_earlier_request_does_not_approve(world):
    request = submit(world, world.ready())
    zoe = newcomer("zoe", Role.VALIDATOR)
    sign(request, zoe)
    approvals.withdraw(request=request, reason="Again.", by=world.anna, at=NOW)
    held(zoe, Role.APPROVER)
    again = submit(world, request.version)
    sign(again, world.vera)
    with pytest.raises(approvals.SameHand, match="validated this version"):
        sign(again, zoe, "approval")


def test_rule_3_only_warns_in_tier_3_and_the_signature_says_so(world):
    request = submit(world, tier(world, 3))
    held(world.vera, Role.APPROVER)
    signature = sign(request, world.vera, "approval")
    assert signature.warned == [3]
    assert "rule 3, warns: Vera Haas validated" in signature.statement
    assert Authorisation.objects.exists()


@pytest.mark.parametrize(
    "role", [Role.PLATFORM_ADMIN, Role.AUDITOR, Role.EXTERNAL_AUDITOR]
)
def test_rules_6_and_7_hold_for_a_role_that_was_removed_yesterday(world, role):
    version = world.ready()
    held(world.carl, role, until=later(hours=1))
    request = submit(world, version)
    sign(request, world.vera, at=later(days=1))
    with pytest.raises(approvals.SameHand, match=r"platform|audit"):
        sign(request, world.carl, "approval", at=later(days=1))


def test_rule_12_two_accounts_of_one_person_are_one(world):
    system = access.system_user()
    # The directory gives everybody an id of their own; the provider knows better.
    for user in (world.carl, world.ben):
        persons.record_identity(
            user=user, kind="subject", issuer="idp", value="7", by=system, at=NOW
        )
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand, match="accounts of one person"):
        sign(request, world.carl, "approval")


def test_rule_12_in_tier_1_unknown_is_a_conflict(world):
    request = submit(world, tier(world, 1))
    zoe = newcomer("zoe", Role.VALIDATOR)
    with pytest.raises(approvals.SameHand, match="two people"):
        sign(request, zoe)


def test_rule_12_in_tier_1_people_known_to_be_distinct_sign(world):
    request = submit(world, tier(world, 1))
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    assert not Authorisation.objects.exists()
    sign(request, world.cora, "approval")
    assert Authorisation.objects.exists()


def declared_one(world, a, b):
    persons.declare(
        a=a, b=b, same=True, reason="Payroll says so.", by=world.cora, at=later(hours=1)
    )


def test_rule_12_a_link_declared_after_the_signatures_takes_one_away(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    case = Case(request.version, world.production, later(hours=2))
    assert progress(case).complete
    declared_one(world, world.vera, world.carl)
    case = Case(request.version, world.production, later(hours=2))
    assert not progress(case).complete


def test_rule_12_a_signer_who_turns_out_to_be_the_developer_counts_no_more(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    sign(request, world.carl, "approval")
    declared_one(world, world.carl, world.ben)
    case = Case(request.version, world.production, later(hours=2))
    assert [s.role for s in progress(case).signed] == [Role.VALIDATOR]


def test_rule_14_a_data_protection_officer_does_not_approve(world):
    held(world.carl, Role.DPO)
    request = submit(world, world.ready())
    sign(request, world.vera)
    with pytest.raises(approvals.SameHand, match="data protection"):
        sign(request, world.carl, "approval")


def test_rule_15_a_role_of_today_does_not_sign_in_tier_2(world):
    zoe = newcomer("zoe", None)
    roles.grant(user=zoe, role=Role.VALIDATOR, by=world.adam, at=NOW)
    request = submit(world, world.ready())
    with pytest.raises(approvals.SameHand, match="less than a day"):
        sign(request, zoe)
    assert sign(request, zoe, at=later(days=1)).warned == []


def test_rule_15_only_warns_in_tier_3(world):
    zoe = newcomer("zoe", None)
    roles.grant(user=zoe, role=Role.APPROVER, by=world.adam, at=NOW)
    assert sign(submit(world, tier(world, 3)), zoe, "approval").warned == [15]


def test_rule_15_a_role_given_by_who_asks_does_not_sign(world):
    zoe = newcomer("zoe", None)
    RoleAssignment.objects.create(
        user=zoe, role=Role.VALIDATOR, granted_at=LONG_AGO, granted_by=world.anna
    )
    with pytest.raises(approvals.SameHand, match="from the person who asks"):
        sign(submit(world, world.ready()), zoe)


def test_rule_15_what_the_installation_gave_on_its_first_day_counts(world):
    RoleAssignment.objects.update(granted_at=NOW)
    request = submit(world, world.ready())
    sign(request, world.vera)
    late = newcomer("zoe", None)
    roles.grant(
        user=late, role=Role.APPROVER, by=access.system_user(), at=later(days=2)
    )
    with pytest.raises(approvals.SameHand, match="less than a day"):
        sign(request, late, "approval", at=later(days=2, hours=1))


def test_rule_16_warns_who_requested_the_evidence_that_they_review(world):
    assert sign(submit(world, world.ready()), world.vera).warned == [16]


def test_rule_13_nobody_of_ours_is_an_independent_auditor(world):
    model = world.model(vendor="Scoring Inc")
    sentence = duties.ll144_auditor(
        name="V. Haas", email="VERA@bank.example", model=model
    )
    assert "independent" in sentence
    assert duties.ll144_auditor(
        name="Scoring Inc Audits", email="a@x.example", model=model
    )
    assert not duties.ll144_auditor(
        name="Audit House", email="a@audit.example", model=model
    )


def test_a_role_taken_away_and_given_back_does_not_revive_a_signature(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    roles.end(user=world.vera, role=Role.VALIDATOR, by=world.adam, at=later(hours=1))
    roles.grant(user=world.vera, role=Role.VALIDATOR, by=world.adam, at=later(hours=2))
    case = Case(request.version, world.production, later(hours=3))
    assert progress(case).signed == ()


def test_a_signature_of_somebody_who_became_owner_later_no_longer_counts(world):
    request = submit(world, world.ready())
    sign(request, world.vera)
    case = Case(request.version, world.production, NOW)
    assert len(progress(case).signed) == 1
    registration.change_inventory(
        model=request.version.model, owner=world.vera, by=world.anna, at=NOW
    )
    registration.change_inventory(
        model=request.version.model, owner=world.anna, by=world.rita, at=NOW
    )
    case = Case(request.version, world.production, NOW)
    assert progress(case).signed == ()
    assert Signature.objects.count() == 1
