"""The part of a version's dossier that one authorisation rests on."""

from dataclasses import replace

from governance.dossier.content import Content
from governance.models import Authorisation

# Of the sections of a version; the rest stands in its own dossier.
SECTIONS = (
    "summary",
    "scope",
    "risk",
    "policy",
    "approvals",
    "authorisations",
    "exceptions",
    "trail",
    "annexes",
)


def only(said: Content, granted: Authorisation) -> Content:
    """The content with what one authorisation and its environment are about."""
    place, slug = granted.environment.name, granted.environment.slug
    denied = sum(no for name, _yes, no in said.gate.counts if name == slug)
    denials = tuple(row for row in said.gate.denials if row.environment == slug)
    return replace(
        said,
        authorisations=tuple(
            row for row in said.authorisations if row.id == str(granted.pk)
        ),
        deployments=tuple(row for row in said.deployments if row.environment == place),
        gate=replace(
            said.gate,
            counts=tuple(row for row in said.gate.counts if row[0] == slug),
            denials=denials,
            denials_left_out=denied - len(denials),
        ),
    )
