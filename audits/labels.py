"""Names of measurements and kinds of evidence in the words of their readers."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_MEASUREMENTS = {
    "roc_auc": gettext_noop("Area under the ROC curve"),
    "average_precision": gettext_noop("Average precision"),
    "accuracy": gettext_noop("Accuracy"),
    "precision": gettext_noop("Precision"),
    "recall": gettext_noop("Recall"),
    "f1": gettext_noop("F1 score"),
    "brier": gettext_noop("Brier score"),
    "log_loss": gettext_noop("Log loss"),
    "ece": gettext_noop("Expected calibration error"),
    "count": gettext_noop("Number of people"),
    "selection_rate": gettext_noop("Selection rate"),
    "true_positive_rate": gettext_noop("True positive rate"),
    "false_positive_rate": gettext_noop("False positive rate"),
    "true_negative_rate": gettext_noop("True negative rate"),
    "false_negative_rate": gettext_noop("False negative rate"),
    "demographic_parity_difference": gettext_noop("Demographic parity difference"),
    "demographic_parity_ratio": gettext_noop("Demographic parity ratio"),
    "equalized_odds_difference": gettext_noop("Equalized odds difference"),
    "equal_opportunity_difference": gettext_noop("Equal opportunity difference"),
    "equal_opportunity_ratio": gettext_noop("Equal opportunity ratio"),
    "false_negative_rate_difference": gettext_noop("False negative rate difference"),
    "false_negative_rate_ratio": gettext_noop("False negative rate ratio"),
    "false_positive_rate_difference": gettext_noop("False positive rate difference"),
    "false_positive_rate_ratio": gettext_noop("False positive rate ratio"),
    "accuracy_difference": gettext_noop("Accuracy difference"),
    "precision_difference": gettext_noop("Precision difference"),
    "selection_rate_homogeneity_p": gettext_noop("Selection rates equal: p value"),
    "false_negative_rate_homogeneity_p": gettext_noop(
        "False negative rates equal: p value"
    ),
    "false_positive_rate_homogeneity_p": gettext_noop(
        "False positive rates equal: p value"
    ),
    "unknown_rows": gettext_noop("Rows without a group"),
    "specificity": gettext_noop("Specificity"),
    "mean_error": gettext_noop("Mean error"),
    "mean_absolute_error": gettext_noop("Mean absolute error"),
    "rmse": gettext_noop("Root mean squared error"),
    "r2": gettext_noop("Coefficient of determination (R²)"),
    "mean_abs_shap": gettext_noop("Mean absolute SHAP value"),
    "additivity_error": gettext_noop("Error of the sum of SHAP values"),
    "importance_stability": gettext_noop("Stability of the explanation"),
}


def measurement_label(name: str) -> str:
    """The name of a measurement for people; unknown names are spelled out."""
    known = _MEASUREMENTS.get(name)
    return _(known) if known else name.replace("_", " ").capitalize()
