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
    "scoring_rate_homogeneity_p": gettext_noop("Scoring rates equal: p value"),
    "mean_prediction_homogeneity_p": gettext_noop("Mean predictions equal: p value"),
    "mean_error_homogeneity_p": gettext_noop("Mean errors equal: p value"),
    "selection_rate_conditional_homogeneity_p": gettext_noop(
        "Selection rates equal within the control: p value"
    ),
    "equalized_odds_ratio": gettext_noop("Equalized odds ratio"),
    "scoring_rate": gettext_noop("Scoring rate (share above the median)"),
    "scoring_rate_difference": gettext_noop("Scoring rate difference"),
    "scoring_rate_ratio": gettext_noop("Scoring rate ratio"),
    "true_negative_rate_ratio": gettext_noop("True negative rate ratio"),
    "accuracy_ratio": gettext_noop("Accuracy ratio"),
    "precision_ratio": gettext_noop("Precision ratio"),
    "f1_difference": gettext_noop("F1 difference"),
    "f1_ratio": gettext_noop("F1 ratio"),
    "roc_auc_difference": gettext_noop("Difference of areas under the ROC curve"),
    "mean_score": gettext_noop("Mean score"),
    "mean_score_difference": gettext_noop("Mean score difference"),
    "ece_difference": gettext_noop("Difference of calibration errors"),
    "balanced_accuracy_difference": gettext_noop("Balanced accuracy difference"),
    "macro_f1_difference": gettext_noop("Macro F1 difference"),
    "mean_prediction": gettext_noop("Mean prediction"),
    "mean_prediction_difference": gettext_noop("Mean prediction difference"),
    "mean_prediction_ratio": gettext_noop("Mean prediction ratio"),
    "mean_error_difference": gettext_noop("Mean error difference"),
    "mean_absolute_error_difference": gettext_noop("Mean absolute error difference"),
    "mean_absolute_error_ratio": gettext_noop("Mean absolute error ratio"),
    "rmse_difference": gettext_noop("Root mean squared error difference"),
    "rmse_ratio": gettext_noop("Root mean squared error ratio"),
    "r2_difference": gettext_noop("R² difference"),
    "adjusted_selection_rate": gettext_noop("Selection rate within the control"),
    "adjusted_demographic_parity_difference": gettext_noop(
        "Demographic parity difference within the control"
    ),
    "conditional_demographic_disparity": gettext_noop(
        "Conditional demographic disparity"
    ),
    "selection_rate_to_reference": gettext_noop(
        "Selection rate minus that of the largest group"
    ),
    "selection_rate_to_reference_p": gettext_noop(
        "Selection rate as in the largest group: p value"
    ),
    "scoring_rate_to_reference": gettext_noop(
        "Scoring rate minus that of the largest group"
    ),
    "scoring_rate_to_reference_p": gettext_noop(
        "Scoring rate as in the largest group: p value"
    ),
    "false_negative_rate_to_reference": gettext_noop(
        "False negative rate minus that of the largest group"
    ),
    "false_negative_rate_to_reference_p": gettext_noop(
        "False negative rate as in the largest group: p value"
    ),
    "false_positive_rate_to_reference": gettext_noop(
        "False positive rate minus that of the largest group"
    ),
    "false_positive_rate_to_reference_p": gettext_noop(
        "False positive rate as in the largest group: p value"
    ),
    "mean_prediction_to_reference": gettext_noop(
        "Mean prediction minus that of the largest group"
    ),
    "mean_prediction_to_reference_p": gettext_noop(
        "Mean prediction as in the largest group: p value"
    ),
    "mean_error_to_reference": gettext_noop(
        "Mean error minus that of the largest group"
    ),
    "mean_error_to_reference_p": gettext_noop(
        "Mean error as in the largest group: p value"
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
    "explainer_agreement": gettext_noop("Difference between two explainers"),
    "top_features_overlap": gettext_noop("Agreement on the main features"),
    "importance_change": gettext_noop("Largest change of an importance"),
    "sensitive_reason_share": gettext_noop(
        "Adverse outcomes with a sensitive feature as a reason"
    ),
    "sampling_error": gettext_noop("Sampling error of the SHAP values"),
    "calibration_slope": gettext_noop("Calibration slope"),
    "calibration_intercept": gettext_noop("Calibration intercept"),
    "calibration_p": gettext_noop("Scores are probabilities: p value"),
    "brier_skill": gettext_noop("Brier skill score"),
    "accuracy_over_majority": gettext_noop(
        "Accuracy above always naming the larger class"
    ),
    "balanced_accuracy": gettext_noop("Balanced accuracy"),
    "macro_f1": gettext_noop("F1 score, mean over classes"),
    "one_vs_rest_auc": gettext_noop(
        "Area under the ROC curve, one class against the rest"
    ),
    "recall_by_class": gettext_noop("Recall by class"),
    "precision_by_class": gettext_noop("Precision by class"),
    "weak_segments": gettext_noop("Segments that are weaker than the rest"),
    "segment_loss": gettext_noop("Loss in a segment"),
    "segment_error_rate": gettext_noop("Error rate in a segment"),
    "cost_per_row": gettext_noop("Cost per row"),
    "cost_saved_per_row": gettext_noop("Cost saved per row"),
    "loss_by_period": gettext_noop("Loss by period"),
    "roc_auc_by_period": gettext_noop("Area under the ROC curve by period"),
    "loss_change": gettext_noop("Loss, last half against first"),
    "roc_auc_change": gettext_noop("Area under the ROC curve, last half against first"),
    "loss_trend": gettext_noop("Trend of the loss"),
    "roc_auc_trend": gettext_noop("Trend of the area under the ROC curve"),
    "roc_auc_gain": gettext_noop("Gain in the area under the ROC curve"),
    "accuracy_gain": gettext_noop("Gain in accuracy"),
    "brier_gain": gettext_noop("Gain in the Brier score"),
    "log_loss_gain": gettext_noop("Gain in log loss"),
    "mae_gain": gettext_noop("Gain in mean absolute error"),
    "mse_gain": gettext_noop("Gain in mean squared error"),
    "psi": gettext_noop("Population stability index"),
    "psi_largest": gettext_noop("Largest population stability index"),
    "drift_p": gettext_noop("Feature unchanged: p value"),
    "js_distance": gettext_noop("Jensen-Shannon distance"),
    "drifted_features": gettext_noop("Features that moved"),
    "score_psi": gettext_noop("Population stability index of the scores"),
    "score_drift_p": gettext_noop("Scores unchanged: p value"),
    "target_psi": gettext_noop("Population stability index of the target"),
    "target_drift_p": gettext_noop("Target unchanged: p value"),
    "score_psi_by_group": gettext_noop(
        "Population stability index of the scores by group"
    ),
    "estimated_accuracy": gettext_noop("Accuracy, estimated without labels"),
    "estimated_precision": gettext_noop("Precision, estimated without labels"),
    "estimated_recall": gettext_noop("Recall, estimated without labels"),
    "estimated_roc_auc": gettext_noop(
        "Area under the ROC curve, estimated without labels"
    ),
    "missing_share": gettext_noop("Share of missing values"),
    "missing_share_overall": gettext_noop("Share of missing values, all columns"),
    "incomplete_row_share": gettext_noop("Share of rows with a missing value"),
    "infinite_share": gettext_noop("Share of infinite values"),
    "duplicate_share": gettext_noop("Share of repeated rows"),
    "conflicting_label_share": gettext_noop("Share of rows with conflicting targets"),
    "out_of_range_share": gettext_noop("Share of rows outside the training range"),
    "constant_columns": gettext_noop("Constant columns"),
    "nearly_constant_columns": gettext_noop("Nearly constant columns"),
    "train_test_overlap": gettext_noop("Share of rows that were trained on"),
    "single_feature_auc": gettext_noop("What one feature alone tells of the target"),
    "leaking_features": gettext_noop("Features that tell the target"),
    "group_share": gettext_noop("Share of the group"),
    "representativeness_psi": gettext_noop(
        "Distance of group shares from the reference"
    ),
    "representativeness_p": gettext_noop("Group shares as in the reference: p value"),
    "noise_response": gettext_noop("Change of score by small noise"),
    "missing_response": gettext_noop("Change of score by a missing value"),
    "shift_response": gettext_noop("Change of score by a plausible shift"),
    "noise_response_largest": gettext_noop("Largest change of score by small noise"),
    "missing_response_largest": gettext_noop(
        "Largest change of score by a missing value"
    ),
    "shift_response_largest": gettext_noop(
        "Largest change of score by a plausible shift"
    ),
    "noise_flip_rate": gettext_noop("Decisions that flip by small noise"),
    "missing_flip_rate": gettext_noop("Decisions that flip by a missing value"),
    "shift_flip_rate": gettext_noop("Decisions that flip by a plausible shift"),
    "joint_noise_response": gettext_noop("Change of score by noise in all features"),
    "joint_noise_flip_rate": gettext_noop(
        "Decisions that flip by noise in all features"
    ),
    "joint_noise_auc_drop": gettext_noop(
        "Loss of area under the ROC curve by noise in all features"
    ),
    "extreme_failures": gettext_noop("Features that break the answer when absurd"),
    "monotonic_violation_share": gettext_noop("Rows that break a demanded direction"),
    "monotonic_violation_largest": gettext_noop("Largest step in the wrong direction"),
}


def measurement_label(name: str) -> str:
    """The name of a measurement for people; unknown names are spelled out."""
    base = name.removesuffix("_to_overall")
    known = _MEASUREMENTS.get(base)
    label = _(known) if known else base.replace("_", " ").capitalize()
    return label if base == name else _("%(name)s, to overall") % {"name": label}
