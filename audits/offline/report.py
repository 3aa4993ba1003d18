"""What a check says: what was looked at, what not, and what does not hold."""

from dataclasses import asdict, dataclass, field
from typing import Any

from audits.findings import Findings


class DoesNotHold(Exception):
    """Something in the file is wrong; the text says what."""


@dataclass
class Report:
    """What was checked and what was not, in plain words; `level` as in docs/log.md."""

    level: str = ""
    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    found: Findings = field(default_factory=Findings)
    counts: dict[str, int] = field(default_factory=dict)

    def as_json(self, ok: bool | None, last: str) -> dict[str, Any]:
        """Return the report as JSON-ready values; `ok` is None if it stopped early."""
        return {
            "ok": ok,
            "level": self.level,
            "result": last,
            "checked": self.checked,
            "not_checked": [*self.not_checked, *self.found.overflow()],
            "findings": [asdict(item) for item in self.found.kept],
            "counts": self.counts,
        }
