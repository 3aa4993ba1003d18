"""The addresses of the doors of clusters, and of what the SIEM reads."""

from django.urls import path

from governance.api import opa, rollouts, siem

urlpatterns = [
    path("gate/metric", rollouts.Metric.as_view(), name="gate-metric"),
    path("opa/data", opa.Data.as_view(), name="opa-data"),
    path("opa/bundle.tar.gz", opa.Bundle.as_view(), name="opa-bundle"),
    path("events", siem.Events.as_view(), name="events"),
]
