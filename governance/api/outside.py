"""What of the API external auditors may call: what is about models, and their room."""

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from governance import roles
from registry.models import User

# Lists of these show what is about models in scope; single records ask for their model.
INSIDE = frozenset(
    {
        "models",
        "model",
        "versions",
        "version",
        "version-evidence-runs",
        "evidence-run",
        "evidence-report",
        "risk",
        "requests",
        "request",
        "findings",
        "finding",
        "waivers",
        "waiver",
        "decisions",
        "dossiers",
        "dossier",
        "pdf",
        "bundle",
        "exports",
        "export",
        "json",
        "checkpoint",
        "log-keys",
        "inclusion",
        "consistency",
        "told",
        "read",
        "wish",
        "schema",
        "docs",
        "audit-accesses",
        "audit-requests",
        "audit-answers",
        "audit-reopening",
        "audit-closure",
        "audit-samples",
        "audit-draw",
        "audit-sample-file",
    }
)


def require_inside(user: User | AnonymousUser | None, name: str) -> None:
    """Refuse an external auditor what is not named above. Raises `NotAllowed`.

    A new address is closed to them until somebody has seen to its scope.
    """
    # Some addresses need no token: then nobody is there.
    if isinstance(user, User) and not user.is_machine and roles.is_outside(user):
        if name not in INSIDE:
            raise roles.NotAllowed(
                _("External auditors see the models of their access, and their room.")
            )
        # Bounds what lists show, also where no right is asked for before them.
        roles.require(user, "read")
