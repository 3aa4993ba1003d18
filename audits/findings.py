"""What a verification found: values that name the place, the difference, the rule."""

from collections import Counter
from dataclasses import dataclass

MOST_FINDINGS = 200  # of one kind; the rest is counted


@dataclass(frozen=True)
class Finding:
    """One thing that does not hold.

    `kind` is one of leaf, entry, order, tile, sequencer, checkpoint, signer, witness,
    timestamp, export, archive, capture, chain, replay. `what` differs, `because` is
    the rule that it breaks.
    """

    kind: str
    what: str
    because: str
    entry: int | None = None
    table: str = ""
    key: str = ""

    @property
    def text(self) -> str:
        """The finding as one line for people."""
        place = [
            f"entry {self.entry}" if self.entry is not None else "",
            f"table {self.table}" if self.table else "",
            f"key {self.key}" if self.key else "",
        ]
        where = ", ".join(part for part in place if part)
        return (
            f"{self.kind}: {where + ': ' if where else ''}{self.what} ({self.because})"
        )


class Findings:
    """Collects findings in bounded memory."""

    def __init__(self) -> None:
        """Start with none."""
        self.kept: list[Finding] = []
        self.noticed: list[str] = []
        self.not_covered: list[str] = []
        self.checked: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()

    def add(
        self,
        kind: str,
        what: str,
        because: str,
        *,
        entry: int | None = None,
        table: str = "",
        key: str = "",
    ) -> None:
        """Keep a finding, or only count it when its kind is overflowing."""
        self._seen[kind] += 1
        if self._seen[kind] <= MOST_FINDINGS:
            self.kept.append(Finding(kind, what, because, entry, table, key))

    def notice(self, text: str) -> None:
        """Keep a sentence about something that breaks no promise, once."""
        if text not in self.noticed:
            self.noticed.append(text)

    def take(self, other: "Findings") -> None:
        """Add what another collection holds."""
        for item in other.kept:
            self._seen[item.kind] += 1
            if self._seen[item.kind] <= MOST_FINDINGS:
                self.kept.append(item)
        for kind, count in other._seen.items():
            self._seen[kind] += max(count - MOST_FINDINGS, 0)
        self.noticed += other.noticed
        self.not_covered += other.not_covered
        self.checked += other.checked

    def overflow(self) -> list[str]:
        """Say how many findings of which kind were counted but not kept."""
        return [
            f"{count - MOST_FINDINGS} more findings of the kind {kind} are not listed."
            for kind, count in sorted(self._seen.items())
            if count > MOST_FINDINGS
        ]
