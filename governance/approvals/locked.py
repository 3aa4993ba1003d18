"""What every act on an approval request starts from: the rows locked, the refusals."""

from governance.models import ApprovalRequest, Signature
from governance.policy import Check
from registry.models import ModelVersion

Meaning = Signature.Meaning


class NotReady(Exception):
    """Requirements are not met; `checks` holds the failing ones."""

    def __init__(self, message: str, checks: list[Check]) -> None:
        super().__init__(message)
        self.checks = checks


class CommentNeeded(Exception):
    """A rejection needs a reason."""


def fresh(version: ModelVersion) -> ModelVersion:
    """The version as it stands now, locked, with its model as it stands now."""
    rows = ModelVersion.objects.select_for_update(of=("self",))
    return rows.select_related("model__owner", "run").get(pk=version.pk)


def lock(request: ApprovalRequest) -> ApprovalRequest:
    """The request and its version, locked: two signatures cannot complete a quorum,
    nor move the version, at once."""
    fresh(request.version)
    return (
        ApprovalRequest.objects.select_for_update(of=("self",))
        .select_related("version__model", "version__run", "environment", "assessment")
        .get(pk=request.pk)
    )


def waits_elsewhere(request: ApprovalRequest) -> bool:
    """Whether the version still waits for signatures for another environment."""
    return (
        request.version.approval_requests.filter(withdrawal=None, authorisation=None)
        .exclude(environment=request.environment)
        .exclude(signatures__meaning=Meaning.REJECTION)
        .exists()
    )


def require_met(checks: list[Check], message: str) -> None:
    failing = [check for check in checks if check.blocks]
    if failing:
        raise NotReady(message, failing)
