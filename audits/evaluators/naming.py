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
    found = []
    for number, name in enumerate(cut):
        if name in taken:
            name = f"{name[: longest - 9]}~{number}"
        taken.add(name)
        found.append(name)
    return tuple(found)
