"""Whether columns can be what they are declared to be: target, group, prediction."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audits.datasets import Coded, DatasetProblem, Inspection, Table

ROLES = ("feature", "target", "prediction", "sensitive", "ignored")
MAX_GROUPS = 50
MAX_NAMED = 8
YES_AND_NO = (("no", "yes"), ("false", "true"), ("n", "y"))


def check_roles(inspection: Inspection, roles: Mapping[str, str]) -> None:
    """Refuse column roles that do not fit the data, naming every column at fault.

    `roles` maps column names to a role of ROLES; columns left out are ignored.
    Raises DatasetProblem.
    """
    unknown = sorted(set(roles.values()) - set(ROLES))
    if unknown:
        raise DatasetProblem(
            f"{unknown[0]!r} is not a column role; the roles are {', '.join(ROLES)}."
        )
    missing = [name for name in roles if name not in _names(inspection)]
    if missing:
        more = f" and {len(missing) - MAX_NAMED} more" * (len(missing) > MAX_NAMED)
        raise DatasetProblem(
            f"The data lack the declared columns {', '.join(missing[:MAX_NAMED])}"
            f"{more}."
        )
    for role in ("target", "prediction"):
        if len(named := having(roles, role)) > 1:
            raise DatasetProblem(
                f"Only one column can be the {role}, not {', '.join(named)}."
            )
    for name in roles:
        if roles[name] != "ignored" and inspection.column(name).kind == "other":
            raise DatasetProblem(
                f"The column {name!r} is neither numbers, booleans nor text."
            )


def having(roles: Mapping[str, str], role: str) -> list[str]:
    """Answer the columns of a role, in the order declared."""
    return [name for name, given in roles.items() if given == role]


def _names(inspection: Inspection) -> set[str]:
    return {column.name for column in inspection.columns}


def binary_target(table: Table, name: str, *, positive: str) -> NDArray[np.int64]:
    """Answer the target as 0 and 1, where 1 is the class called `positive`.

    For a target that says yes and no (or true and false) `1` means yes and `0` no.
    Raises DatasetProblem: missing values, one class only, more than two classes, or no
    class of that name.
    """
    words = table.words(name)
    lost = sum(word is None for word in words)
    if lost:
        raise DatasetProblem(f"The target {name!r} is missing in {lost} rows.")
    classes = sorted(set(words))
    if len(classes) == 1:
        raise DatasetProblem(
            f"The target {name!r} has one class only ({classes[0]!r}): nothing can be "
            "compared."
        )
    if len(classes) > 2:
        raise DatasetProblem(
            f"The target {name!r} has {len(classes)} different values; binary evidence "
            "needs two. Declare the task as regression if it is a number."
        )
    if positive not in classes:
        positive = _spoken(positive, classes)
    if positive not in classes:
        raise DatasetProblem(
            f"The positive class {positive!r} is not in the target {name!r}, which has "
            f"{classes[0]!r} and {classes[1]!r}."
        )
    is_positive: NDArray[np.bool_] = words == positive
    return is_positive.astype(np.int64)


def _spoken(positive: str, classes: Sequence[str]) -> str:
    """Find the word for 1 or 0 among two classes such as `no` and `yes`."""
    for pair in YES_AND_NO:
        if {word.lower() for word in classes} == set(pair):
            wanted = pair[positive == "1"] if positive in ("0", "1") else positive
            return next((w for w in classes if w.lower() == wanted.lower()), positive)
    return positive


def numeric_target(table: Table, name: str) -> NDArray[np.float64]:
    """Answer the target of a regression. Raises DatasetProblem when it is no number."""
    values = table.number(name)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DatasetProblem(
            f"The target {name!r} is missing or not finite in {bad} rows."
        )
    return values


def groups(table: Table, name: str) -> Coded:
    """Answer a sensitive feature as codes, -1 where unknown.

    Raises DatasetProblem when there are more than MAX_GROUPS groups, or fewer than two.
    """
    coded = table.coded(name)
    found = np.unique(coded.codes[coded.codes >= 0])
    if len(found) > MAX_GROUPS:
        raise DatasetProblem(
            f"The sensitive feature {name!r} has {len(found)} different values; at "
            f"most {MAX_GROUPS} groups can be compared. Put them into bands first."
        )
    if len(found) < 2:
        raise DatasetProblem(
            f"The sensitive feature {name!r} has {len(found)} group; at least two are "
            "needed to compare."
        )
    return coded


def scores_from(table: Table, name: str) -> NDArray[np.float64]:
    """Answer a prediction column as scores. Raises DatasetProblem when not numbers."""
    values = table.number(name)
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DatasetProblem(
            f"The prediction {name!r} is missing or not finite in {bad} rows."
        )
    return values
