"""Fairness: rates by group, their differences and ratios, with fairlearn's values.

All rates are seen from the *favourable* outcome (setting `favourable`): for a model
that predicts denial of a loan it is 0, so that "selection rate" is the share of
applicants who are not denied, and the false negative rate the share of those who
deserved a loan and were refused one.

Rows are counted once into cells (`cells`); every rate (`rates`), comparison
(`comparison`, `composites`), test (`homogeneity`) and resample (`bootstrap`) follows
from them.
"""

from audits.evaluators.fairness.evaluation import evaluate

__all__ = ["evaluate"]
