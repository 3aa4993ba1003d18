"""The settings of a fairness run, read and checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from audits.evaluators.base import UnusableEvidence, known_settings, setting


@dataclass(frozen=True)
class Options:
    """What was asked for; `favourable` is the outcome that is good for the person."""

    threshold: float
    favourable: int
    smallest: int
    leave_out: bool
    rounds: int
    seed: int
    cross_check: bool
    control: str

    @property
    def summary(self) -> dict[str, Any]:
        """The settings for the report."""
        return {
            "threshold": self.threshold,
            "favourable": self.favourable,
            "minimum_group_size": self.smallest,
            "small_groups": "leave out" if self.leave_out else "refuse",
            "bootstrap_rounds": self.rounds,
            "seed": self.seed,
            "cross_check": self.cross_check,
        }


def options(config: Mapping[str, Any]) -> Options:
    """Read the settings. Raises UnusableEvidence naming the one at fault."""
    known_settings(config)
    favourable = setting(config, "favourable", 1, low=0, high=1)
    if favourable not in (0, 1):
        raise UnusableEvidence("The setting 'favourable' must be 0 or 1.")
    small = config.get("small_groups", "refuse")
    if small not in ("refuse", "leave out"):
        raise UnusableEvidence(
            "The setting 'small_groups' must be 'refuse' or 'leave out', not "
            f"{small!r}."
        )
    cross_check = config.get("cross_check", False)
    if not isinstance(cross_check, bool):
        raise UnusableEvidence("The setting 'cross_check' must be true or false.")
    control = config.get("control", "")
    if not isinstance(control, str):
        raise UnusableEvidence("The setting 'control' must be the name of a column.")
    return Options(
        threshold=setting(config, "threshold", 0.5, low=0, high=1),
        favourable=int(favourable),
        smallest=int(setting(config, "minimum_group_size", 30, low=1, high=10**9)),
        leave_out=small == "leave out",
        rounds=int(setting(config, "bootstrap_rounds", 2000, low=100, high=100_000)),
        seed=int(setting(config, "seed", 0, low=0, high=2**31)),
        cross_check=cross_check,
        control=control,
    )
