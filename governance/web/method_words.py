"""What evaluators wrote into a report, in the language of the reader.

A report is kept as it was made, in English: its sentences are looked up here when they
are shown. A sentence that is not here stays as it is, and is marked as English.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

SENTENCES = (
    gettext_noop(
        "If either version was trained on rows of these data, the "
        "comparison flatters it."
    ),
    gettext_noop(
        "The cheapest threshold was found on the rows that it is judged by:"
        " its cost is flattered."
    ),
    gettext_noop(
        "Rows are repeated when all their features are equal: with few "
        "features this happens to different people."
    ),
    gettext_noop(
        "The bands of the population stability index (0.1 and 0.25) are a "
        "rule of thumb of credit scoring and know nothing of the number of "
        "rows; psi_critical is what chance alone exceeds in 5 % of samples "
        "(Yurdakul 2018)."
    ),
    gettext_noop(
        "With very many rows the tests find changes too small to matter, "
        "with few rows they miss large ones."
    ),
    gettext_noop(
        "Each column is compared by itself: a change only in how columns go"
        " together is not seen, unless it moves the scores."
    ),
    gettext_noop(
        "Estimated performance assumes that the scores are calibrated on "
        "the new data: it sees rows become harder, and not that the same "
        "row now ends otherwise."
    ),
    gettext_noop(
        "SHAP values say what moves this model's output, not what causes the outcome."
    ),
    gettext_noop(
        "Credit is split between features that move together: a feature "
        "with little importance may stand in for another one."
    ),
    gettext_noop(
        "Features are switched one by one against the background, so that "
        "rows are asked about which cannot occur."
    ),
    gettext_noop(
        "What a missing feature would do is taken from the rows that the "
        "trees were trained on, along their branches."
    ),
    gettext_noop("The values are estimates from random permutations."),
    gettext_noop(
        "Of several classes each row explains the one that the model predicts."
    ),
    gettext_noop(
        "Reasons name what pushed this score towards the adverse outcome, "
        "compared with the base value; they are no advice on what to "
        "change."
    ),
    gettext_noop(
        "The worst difference or ratio describes and does not decide: with "
        "many groups and no disparity at all the smallest ratio falls below"
        " 0.8 in most samples; the homogeneity tests, adjusted for their "
        "number, decide."
    ),
    gettext_noop(
        "The interval of a worst pair does not know that the pair was "
        "picked after looking; a bootstrap interval of a largest difference"
        " is biased away from 0."
    ),
    gettext_noop(
        "A test that finds no difference does not show that there is none: "
        "with few rows it can miss a large one."
    ),
    gettext_noop("Rows without a group are counted and left out of all comparisons."),
    gettext_noop(
        "All intervals treat rows as independent of each other; several "
        "rows of one person make them too narrow."
    ),
    gettext_noop(
        "Rates that compare with the target take it as the truth; a target "
        "that is biased itself hides the same bias of the model."
    ),
    gettext_noop(
        "Without a target only predictions are compared: nothing is said about errors."
    ),
    gettext_noop(
        "Of several classes the predicted ones are compared, not the scores"
        " behind them."
    ),
    gettext_noop(
        "Leakage is found by equal rows and by single features: near copies"
        " of training rows, and features that leak only together, are not "
        "found."
    ),
    gettext_noop(
        "Monotonicity is tried on sampled rows and up to 21 values of the "
        "feature: what happens between them is not seen."
    ),
    gettext_noop(
        "The Brier score of several classes adds the squares over all "
        "classes: it lies between 0 and 2."
    ),
    gettext_noop(
        "Performance on these data says nothing about other people, places or times."
    ),
    gettext_noop(
        "The trend is a straight line through the periods; it does not "
        "foretell the next."
    ),
    gettext_noop(
        "Representative of the reference is not representative of the "
        "people that the model will judge, unless the reference is."
    ),
    gettext_noop(
        "Features are changed by chance and one at a time, or all without "
        "regard to each other: an adversary who searches finds larger "
        "changes."
    ),
    gettext_noop("Changed rows may be of a kind that never occurs."),
    gettext_noop(
        "Segments are searched among single features and pairs, in five "
        "bands each: a weakness of three features together, or of a "
        "narrower range, is not found."
    ),
    gettext_noop("No model file was run: scores are as the data declare them."),
    gettext_noop("No model file was run: the predictions are the submitter's own."),
    gettext_noop("The reference lacks features of the model: scores are not compared."),
    gettext_noop("The data are the model's own training data: they test nothing."),
    gettext_noop("predictions that Freigabe recomputed from the model file"),
    gettext_noop("the data alone: no predictions were needed"),
    gettext_noop("predictions that were declared: the model file cannot be run here"),
    gettext_noop(
        "Groups with fewer than %(n)s rows were left out of the "
        "comparisons, as asked: nothing is said about them."
    ),
    gettext_noop(
        "Within levels of %(name)s says nothing about why groups differ in "
        "it; a control that is itself unfair explains disparity away."
    ),
    gettext_noop("%(name)s: too few rows in %(n)s of %(of)s groups (%(groups)s)."),
    gettext_noop("%(name)s: no row has a known group in every feature."),
    gettext_noop("%(name)s: %(n)s rows have no group and are left out."),
    gettext_noop(
        "%(name)s: only the largest %(n)s of %(of)s groups are told one by "
        "one; all are compared."
    ),
    gettext_noop(
        "%(name)s: for more than %(n)s groups there are rates, worst pairs "
        "and tests only: no scores, no resampling, no group beside the "
        "largest."
    ),
    gettext_noop("Constant columns say nothing about what the model does: %(names)s."),
    gettext_noop("%(name)s would take too long on all rows; %(n)s were explained."),
    gettext_noop(
        "%(name)s is slow on this model: %(n)s rows of %(of)s were "
        "explained, to stay within about a minute."
    ),
    gettext_noop("The background has only %(n)s rows."),
    gettext_noop(
        "The sensitive feature %(name)s is among the principal reasons of "
        "%(n)s of %(of)s adverse outcomes."
    ),
    gettext_noop("The model refuses rows in which one of these is missing: %(names)s."),
    gettext_noop("%(n)s of %(of)s rows stand in the training data with all features."),
    gettext_noop("One feature alone tells the target: %(names)s."),
    gettext_noop("%(n)s rows have no time and belong to no period."),
)
_PLACE = re.compile(r"%\\\((\w+)\\\)s")


@dataclass(frozen=True)
class Sentence:
    """A sentence, and its language where that is not the reader's."""

    text: str
    lang: str = ""


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence looks like with its places filled."""
    return re.compile(_PLACE.sub(r"(?P<\1>.+?)", re.escape(sentence)), re.DOTALL)


_EXACT = frozenset(text for text in SENTENCES if "%(" not in text)
_PATTERNS = tuple((text, _pattern(text)) for text in SENTENCES if text not in _EXACT)


def told(sentences: Iterable[str]) -> list[Sentence]:
    """Each sentence of a report as this reader reads it."""
    return [_told(text) for text in sentences]


def _told(text: str) -> Sentence:
    if (get_language() or "en")[:2] == "en":
        return Sentence(text)
    if text in _EXACT:
        return Sentence(_(text))
    for sentence, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            return Sentence(_(sentence) % found.groupdict())
    return Sentence(text, "en")
