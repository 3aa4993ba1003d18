"""The addresses of the doors of clusters, and of what the SIEM reads."""

from django.urls import path

from governance.api import (
    forges,
    kubernetes,
    lineage,
    mlflow,
    opa,
    rollouts,
    running,
    siem,
)

_SOURCE = "deployment-sources/<uuid:row_id>"

urlpatterns = [
    path("deployments/running", running.Running.as_view(), name="running"),
    path("deployment-sources", running.SourceList.as_view(), name="sources"),
    path(f"{_SOURCE}/end", running.SourceEnd.as_view(), name="source-end"),
    path(f"{_SOURCE}/secret", running.SourceSecret.as_view(), name="source-secret"),
    path(
        f"{_SOURCE}/webhook-secret",
        running.SourceWebhook.as_view(),
        name="source-webhook-secret",
    ),
    path("mlflow/webhook", mlflow.Webhook.as_view(), name="mlflow-webhook"),
    path("mlflow/events", mlflow.EventList.as_view(), name="mlflow-events"),
    path("lineage", lineage.Lineage.as_view(), name="lineage"),
    path("lineage/batch", lineage.Batch.as_view(), name="lineage-batch"),
    path("lineage/facet", lineage.Facet.as_view(), name="lineage-facet"),
    path(f"{_SOURCE}/looks", running.SourceLooks.as_view(), name="source-looks"),
    path("models/<slug:slug>/rollbacks", running.Rollbacks.as_view(), name="rollbacks"),
    path("gate/metric", rollouts.Metric.as_view(), name="gate-metric"),
    path("opa/data", opa.Data.as_view(), name="opa-data"),
    path("opa/bundle.tar.gz", opa.Bundle.as_view(), name="opa-bundle"),
    path("forges", forges.ForgeList.as_view(), name="forges"),
    path("forges/<uuid:row_id>/end", forges.ForgeEnds.as_view(), name="forge-end"),
    path(
        "forges/<uuid:row_id>/secret",
        forges.ForgeSecrets.as_view(),
        name="forge-secret",
    ),
    path(
        "forges/<uuid:row_id>/credential",
        forges.ForgeCredentials.as_view(),
        name="forge-credential",
    ),
    path("forges/<slug:name>/events", forges.Events.as_view(), name="forge-events"),
    path("forge-places", forges.PlaceList.as_view(), name="forge-places"),
    path(
        "forge-places/<uuid:row_id>/confirm",
        forges.PlaceConfirmation.as_view(),
        name="forge-place-confirm",
    ),
    path(
        "forge-places/<uuid:row_id>/end",
        forges.PlaceEnds.as_view(),
        name="forge-place-end",
    ),
    path("forge-requests", forges.RequestList.as_view(), name="forge-requests"),
    path(
        "forge-requests/<uuid:row_id>/again",
        forges.Again.as_view(),
        name="forge-request-again",
    ),
    path("kubernetes/admission", kubernetes.Admission.as_view(), name="admission"),
    path(
        "kubernetes/admission/<slug:environment>",
        kubernetes.AdmissionOfEnvironment.as_view(),
        name="admission-of-environment",
    ),
    path("events", siem.Events.as_view(), name="events"),
]
