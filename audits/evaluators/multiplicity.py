"""Many tests at once: p values adjusted so that chance alone rejects rarely."""

from collections.abc import Sequence


def holm(found: Sequence[float | None]) -> list[float | None]:
    """Adjust p values by Holm 1979; None stays None and counts as no test.

    Rejecting adjusted values below 5 % rejects a true hypothesis in at most 5 % of
    runs, whatever the tests have in common.
    """
    known = sorted((p, place) for place, p in enumerate(found) if p is not None)
    adjusted: list[float | None] = [None] * len(found)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted
