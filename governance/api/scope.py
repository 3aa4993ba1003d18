"""What of a list a token may see: its models and environments, nothing else."""

from fnmatch import fnmatchcase
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from registry.models import RegisteredModel, User

M = TypeVar("M", bound=Model)


def visible(
    rows: QuerySet[M], by: User, *, model: str = "", environment: str = ""
) -> QuerySet[M]:
    """The rows within the scope of `by`; `model` and `environment` name the slugs'
    fields, such as `version__model__slug`.
    """
    slugs, places = models_of(by), environments_of(by)
    if model and slugs is not None:
        rows = rows.filter(**{f"{model}__in": slugs})
    if environment and places:
        rows = rows.filter(**{f"{environment}__in": places})
    return rows


def models_of(by: User) -> list[str] | None:
    """The slugs of the models in scope, by the rule of `roles.require`; None: all."""
    if by.scope is None:
        return None
    pattern, models = by.scope.models_pattern, by.scope.models
    if models is None:
        if pattern == "*":
            return None
        models = frozenset(RegisteredModel.objects.values_list("slug", flat=True))
    return [slug for slug in sorted(models) if fnmatchcase(slug, pattern)]


def environments_of(by: User) -> tuple[str, ...]:
    """The slugs of the environments in scope; empty: all."""
    return by.scope.environments if by.scope is not None else ()


def asked_about(by: User) -> Q:
    """Gate decisions in scope; what names no known model is for unbounded tokens."""
    slugs, places = models_of(by), environments_of(by)
    found = Q()
    if slugs is not None:
        unknown = Q(version=None, asked_model__in=slugs)
        found &= Q(version__model__slug__in=slugs) | unknown
    if places:
        found &= Q(asked_environment__in=places)
    return found
