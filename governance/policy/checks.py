"""One requirement applied to one version: the answer that everything shows."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """One requirement applied to one version now, as shown everywhere.

    `pack` names the pack and version that asks it, and is empty for what stands above
    every pack. `severity` is the effective one: as the pack says, the law has come
    into force, and the strictest pack that asks for the same evidence wants.
    `waiver` is the id of the waiver in force that alone makes it pass.
    """

    requirement: str
    title: str
    passed: bool
    observed: str
    because: str
    next_step: str = ""
    severity: str = "block"
    pack: str = ""
    waiver: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this check alone is reason to deny."""
        return not self.passed and self.severity != "warn"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, in the order of the fields; `waiver` if one counts."""
        # Only plain values: `asdict` would copy each, a hundred times an answer.
        data = dict(vars(self))
        if not self.waiver:
            del data["waiver"]
        return data
