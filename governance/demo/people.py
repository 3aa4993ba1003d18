"""The people of the demo's bank."""

from datetime import datetime

from django.db.models import QuerySet

from governance import access, persons, roles
from registry.models import Role, User

PASSWORD = "freigabe-demo"  # noqa: S105 - printed at every start of the demo
STAFF: dict[str, tuple[str, str, str, tuple[Role, ...]]] = {
    "anna": ("Anna", "Lindqvist", "Household lending", (Role.OWNER,)),
    "ben": ("Ben", "Moreau", "Data science", (Role.DEVELOPER,)),
    "ola": ("Ola", "Svensson", "Platform operations", (Role.OPERATOR,)),
    "vera": ("Vera", "Haas", "Model validation", (Role.VALIDATOR,)),
    "rita": ("Rita", "Okafor", "Risk control", (Role.RISK_MANAGER,)),
    "carl": ("Carl", "Brandt", "Model committee", (Role.APPROVER,)),
    "cora": ("Cora", "Nilsson", "Compliance", (Role.COMPLIANCE,)),
    "rolf": ("Rolf", "Weber", "Risk control", (Role.RISK_MANAGER,)),
    "otto": ("Otto", "Berg", "Platform operations", (Role.OPERATOR,)),
    "eva": ("Eva", "Lund", "Executive board", (Role.EXECUTIVE,)),
    "dana": ("Dana", "Kowalski", "Data protection", (Role.DPO,)),
    "quentin": ("Quentin", "Aydin", "Quality assurance", (Role.QA,)),
    "petra": ("Petra", "Vogel", "Model governance", (Role.POLICY_AUTHOR,)),
    "paul": ("Paul", "Richter", "Compliance", (Role.POLICY_APPROVER,)),
    "ines": ("Ines", "Ferrari", "Internal audit", (Role.AUDITOR,)),
    "adam": ("Adam", "Novak", "IT administration", (Role.PLATFORM_ADMIN,)),
}


def strangers() -> QuerySet[User]:
    """People who are not of the demo's bank."""
    return User.objects.filter(is_machine=False).exclude(username__in=STAFF)


def hire(*, at: datetime) -> dict[str, User]:
    """Make sure that everybody is there, with their roles."""
    system = access.system_user()
    found = {}
    for username, (first, last, unit, held) in STAFF.items():
        person = User.objects.filter(username=username).first()
        if person is None:
            person = access.create_person(
                username=username,
                first_name=first,
                last_name=last,
                email=f"{username}@bank.example",
                unit=unit,
                password=PASSWORD,
                by=system,
            )
        persons.record_identity(
            user=person,
            kind="external-id",
            issuer="hr",
            value=f"p-{username}",
            by=system,
            at=at,
        )
        for role in held:
            roles.grant(user=person, role=role, by=system, at=at)
        found[username] = person
    return found
