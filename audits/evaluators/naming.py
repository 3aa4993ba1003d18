"""Short names of groups, categories and features that stay distinct."""

from collections.abc import Sequence

LONGEST = 60


def short_names(names: Sequence[str], longest: int = LONGEST) -> tuple[str, ...]:
    """Cut names to `longest` characters; those that become alike get their number.

    A report's group has 200 characters, a stranger's category may have thousands.
    """
    cut = [
        name if len(name) <= longest else name[: longest - 1] + "…" for name in names
    ]
    taken: set[str] = set()
    found: list[str] = []
    for name in cut:
        number, label = len(found), name
        while label in taken:
            label = f"{name[: longest - 9]}~{number}"
            number += 1
        taken.add(label)
        found.append(label)
    return tuple(found)
