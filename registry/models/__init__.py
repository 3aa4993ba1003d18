"""The tables of the registry."""

from registry.models.deployments import Deployment, Environment
from registry.models.inventory import (
    Artifact,
    ModelVersion,
    RegisteredModel,
    VersionArtifact,
)
from registry.models.lineage import (
    Column,
    Dataset,
    DatasetVersion,
    ModelFeed,
    Run,
    RunLink,
    VersionDataset,
)
from registry.models.people import Role, RoleAssignment, Scope, User

__all__ = [
    "Artifact",
    "Column",
    "Dataset",
    "DatasetVersion",
    "Deployment",
    "Environment",
    "ModelFeed",
    "ModelVersion",
    "RegisteredModel",
    "Role",
    "RoleAssignment",
    "Run",
    "RunLink",
    "Scope",
    "User",
    "VersionArtifact",
    "VersionDataset",
]
