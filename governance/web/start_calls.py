"""What does a first step that no page does: commands, and whole calls of the API."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from django.conf import settings

from registry.models import Role

_ADD = "manage.py access --add-person USER FIRST LAST E-MAIL"
_COLUMNS = """'columns={"income": "feature", "sex": "sensitive", "paid": "target"}'"""
_VERSION = (
    '{"version": "1", "artifacts": [{"sha256": "SHA256"}],'
    ' "datasets": [{"dataset": "loans", "version": 1, "use": "test"}],'
    ' "operating": {"positive": "yes", "favourable": 1, "threshold": 0.5}}'
)


@dataclass(frozen=True)
class Names:
    """How the calls name what is there, or a word to be replaced."""

    model: str = "MODEL"
    version: str = "VERSION"
    environment: str = "production"


def calls(names: Names, missing: Iterable[Role]) -> dict[str, str]:
    """The calls of each step that has some; roles that nobody holds are granted."""
    question = urlencode(asdict(names))  # a plus sign in a version is no blank
    grants = [f"manage.py access --grant-role USER {role.value}" for role in missing]
    return {
        "people": "\n".join([_ADD, *grants]),
        "environment": _all(
            _json("environments", '{"slug": "production", "name": "Production"}')
        ),
        "data": _all(
            _json("datasets", '{"slug": "loans", "name": "Loans"}'),
            _curl("datasets/loans/versions", f"-F file=@test.csv -F {_COLUMNS}"),
        ),
        "version": _all(
            _curl("artifacts", "-F file=@model.skops"),
            _json(f"models/{names.model}/versions", _VERSION),
        ),
        "permit": _all(_curl(f"gate?{question}", "--fail-with-body")),
    }


def _all(*lines: str) -> str:
    return "\n".join(["TOKEN=$(manage.py issue_token --user USER)", *lines])


def _json(path: str, body: str) -> str:
    return _curl(path, f"-H 'Content-Type: application/json' -d '{body}'")


def _curl(path: str, options: str) -> str:
    address = f"{settings.FREIGABE_INSTANCE_URL}/api/v1/{path}"
    return f'curl -H "Authorization: Bearer $TOKEN" "{address}" {options}'
