"""Whether the demo's story was told to its end, and how to log in to it."""

from governance.demo.people import PASSWORD, STAFF
from governance.models import GateDecision


def story_was_told() -> bool:
    """The last act of the story is there: the gate has denied version 2."""
    return GateDecision.objects.filter(
        version__model__slug="mortgage-approval", version__version="2"
    ).exists()


def lines() -> list[str]:
    """The demo's people, their roles, and their password."""
    people = [
        f"  {username:<6} {first} {last}, {', '.join(str(r.label) for r in held)}"
        for username, (first, last, _unit, held) in STAFF.items()
    ]
    return [f"Log-ins (password {PASSWORD}):", *people]
