"""What each figure of a report says, in words: what was measured, the limit, whether it
holds, and what small groups mean."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from audits.labels import measurement_label
from audits.models import Measurement
from governance.templatetags.freigabe import number
from governance.web.limits import Limit

AT_MOST = 4  # small groups that are named
# What a figure shows, by the beginning of its key, and the numbers that speak for it.
_FIGURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "groups-",
        gettext_noop(
            "Measured was how often people of each group got the favourable outcome, "
            "and how often rightly and wrongly so, at the threshold in force."
        ),
        (
            "demographic_parity_difference",
            "equal_opportunity_difference",
            "false_positive_rate_difference",
        ),
    ),
    (
        "sweep-",
        gettext_noop(
            "Measured was how often each group would get the favourable outcome at "
            "other thresholds, on the same people."
        ),
        ("demographic_parity_difference",),
    ),
    (
        "calibration-",
        gettext_noop(
            "Measured was whether a score means the same chance in every group: points "
            "far from the diagonal promise too much or too little."
        ),
        ("ece_difference",),
    ),
    (
        "impact-",
        gettext_noop(
            "Measured was the selection rate of each category by that of the category "
            "that is selected most. Below four fifths is taken as a sign of "
            "disadvantage, not as proof."
        ),
        ("demographic_parity_ratio",),
    ),
    (
        "roc",
        gettext_noop(
            "Measured was how well the scores put people of the two classes in order; "
            "no threshold is needed for it."
        ),
        ("roc_auc",),
    ),
    (
        "calibration",
        gettext_noop(
            "Measured was whether scores are probabilities: of people with a score of "
            "0.3, three in ten should be positive."
        ),
        ("ece", "brier"),
    ),
    (
        "confusion",
        gettext_noop("Counted were right and wrong answers at the threshold in force."),
        ("accuracy", "precision", "recall"),
    ),
    (
        "importance",
        gettext_noop(
            "Measured was how much each feature moves the output, whichever way. It "
            "says what the model uses, not what causes the outcome."
        ),
        ("importance_stability",),
    ),
    (
        "beeswarm",
        gettext_noop(
            "Each point is one person of the sample: how much this feature moved the "
            "output for that person."
        ),
        (),
    ),
    (
        "dependence",
        gettext_noop(
            "Measured was what the model makes of this feature's value, for each "
            "person of the sample. It need not be so in the world."
        ),
        (),
    ),
    (
        "drift",
        gettext_noop(
            "Measured was how far each feature has moved from the reference. By rule "
            "of thumb 0.1 is worth a look and 0.25 is large."
        ),
        ("psi_largest", "drifted_features"),
    ),
)


def words(
    key: str,
    summary: Mapping[str, Any],
    rows: Sequence[Measurement],
    limits: Mapping[str, Limit],
) -> list[str]:
    """The sentences of a figure; none for figures that say all in their title."""
    if key.startswith("waterfall-"):
        return list(_case(key.removeprefix("waterfall-"), summary))
    found = next((one for one in _FIGURES if key.startswith(one[0])), None)
    if found is None:
        return []
    beginning, text, names = found
    of = key.removeprefix(beginning) if beginning.endswith("-") else ""
    said = [_(text)]
    for name in names:
        said += [_valued(row, limits.get(name)) for row in rows if _is(row, name, of)]
    if beginning == "groups-":
        said += _small(of, summary)
    return said


def _is(row: Measurement, name: str, of: str) -> bool:
    return row.name == name and row.group in ("", of)


def _valued(row: Measurement, limit: Limit | None) -> str:
    """One number, and whether its limit holds."""
    given = {"name": measurement_label(row.name), "value": number(row.value)}
    if row.value is None:
        said = _("%(name)s: not estimable.") % given
    elif row.lower is None or row.upper is None:
        said = _("%(name)s: %(value)s.") % given
    else:
        given |= {"lower": number(row.lower), "upper": number(row.upper)}
        text = _("%(name)s: %(value)s (95 %% interval %(lower)s to %(upper)s).")
        said = text % given
    if limit is None:
        return said
    holds = row.value is not None and limit.holds(row.value)
    told = _("The limit %(limit)s holds.") if holds else _("It breaks %(limit)s.")
    said += " " + told % {"limit": limit.text}
    if holds and _maybe_broken(row, limit):
        said += " " + _("The interval reaches beyond it: it may hold by chance.")
    return said


def _maybe_broken(row: Measurement, limit: Limit) -> bool:
    ends = [end for end in (row.lower, row.upper) if end is not None]
    return any(not limit.holds(end) for end in ends)


def _small(feature: str, summary: Mapping[str, Any]) -> Iterator[str]:
    """What small groups mean for this chart."""
    tables = summary.get("features") or ()
    table = next((one for one in tables if str(one["feature"]) == feature), None)
    if table is None:
        return
    least = summary.get("minimum_group_size", 30)
    unknown = [
        f"{group['group']} ({group['rows']})"
        for group in table["groups"]
        if any(rate["value"] is None for rate in group["rates"].values())
    ]
    if unknown:
        named = ", ".join(unknown[:AT_MOST])
        if len(unknown) > AT_MOST:
            named += " …"
        yield _(
            "Of %(groups)s a rate rests on fewer than %(least)s people and is not "
            "told: nobody knows whether they are treated alike, and a limit on it does "
            "not hold."
        ) % {"groups": named, "least": least}
    smallest = min(table["groups"], key=lambda group: group["rows"])
    yield _(
        "The smallest group, %(group)s, has %(rows)s people: the fewer, the wider the "
        "interval, and the likelier a difference is chance."
    ) % {"group": smallest["group"], "rows": smallest["rows"]}


def _case(name: str, summary: Mapping[str, Any]) -> Iterator[str]:
    """A single case: its score, and the reasons that the person would be told."""
    cases = summary.get("cases") or ()
    case = next((one for one in cases if str(one.get("case")) == name), None)
    if case is None or case.get("score") is None:
        return
    yield _("Row %(row)s, score %(score)s.") % {
        "row": case.get("row", "?"),
        "score": number(float(case["score"])),
    }
    reasons = summary.get("reasons") or {}
    if "threshold" not in reasons or "favourable" not in reasons:
        return
    favourable = bool(reasons["favourable"])
    if (case["score"] >= reasons["threshold"]) == favourable:
        yield _("The outcome is favourable: no reasons need to be given.")
        return
    codes = ", ".join(
        f"{at}. {text}" for at, text in enumerate(_codes(case, reasons), start=1)
    )
    if codes:
        yield _("Reason codes of the adverse outcome: %(codes)s.") % {"codes": codes}


def _codes(case: Mapping[str, Any], reasons: Mapping[str, Any]) -> list[str]:
    """The factors that counted against the person, the heaviest first."""
    language = "de" if (get_language() or "").startswith("de") else "en"
    labels = {one["feature"]: one.get(f"label_{language}") for one in reasons["main"]}
    sign = -1 if reasons["favourable"] else 1
    against = [one for one in case.get("contributions") or () if sign * one["shap"] > 0]
    against.sort(key=lambda one: -sign * one["shap"])
    return [
        str(labels.get(one["feature"]) or one["feature"])
        + (f" ({one['value']})" if one.get("value") is not None else "")
        for one in against[: int(reasons.get("at_most", 4))]
    ]
