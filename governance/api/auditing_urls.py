"""The addresses of the auditor's room."""

from django.urls import path

from governance.api import auditing

_REQUEST = "audit-requests/<uuid:row_id>"
_SAMPLE = "audit-samples/<uuid:row_id>"

urlpatterns = [
    path("audit-accesses", auditing.AccessList.as_view(), name="audit-accesses"),
    path(
        "audit-accesses/<uuid:row_id>/end",
        auditing.AccessEnd.as_view(),
        name="audit-access-end",
    ),
    path("audit-requests", auditing.QuestionList.as_view(), name="audit-requests"),
    path(f"{_REQUEST}/answers", auditing.Answers.as_view(), name="audit-answers"),
    path(f"{_REQUEST}/reopening", auditing.Reopening.as_view(), name="audit-reopening"),
    path(f"{_REQUEST}/closure", auditing.Closure.as_view(), name="audit-closure"),
    path("audit-samples", auditing.SampleList.as_view(), name="audit-samples"),
    path(f"{_SAMPLE}/draw", auditing.Drawing.as_view(), name="audit-draw"),
    path(f"{_SAMPLE}/file", auditing.SampleFile.as_view(), name="audit-sample-file"),
]
