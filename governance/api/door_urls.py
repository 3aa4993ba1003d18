"""The addresses of the doors of clusters, and of what the SIEM reads."""

from django.urls import path

from governance.api import forges, opa, rollouts, siem

urlpatterns = [
    path("gate/metric", rollouts.Metric.as_view(), name="gate-metric"),
    path("opa/data", opa.Data.as_view(), name="opa-data"),
    path("opa/bundle.tar.gz", opa.Bundle.as_view(), name="opa-bundle"),
    path("forges", forges.ForgeList.as_view(), name="forges"),
    path("forges/<uuid:row_id>/end", forges.ForgeEnds.as_view(), name="forge-end"),
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
    path("events", siem.Events.as_view(), name="events"),
]
