"""The addresses of permits, their revocation, and security events."""

from django.urls import path

from governance.api import permits

_PERMIT = "permits/<uuid:permit_id>"

urlpatterns = [
    path("permits/revoked", permits.RevokedPermits.as_view(), name="revoked"),
    path(_PERMIT, permits.Permit.as_view(), name="permit"),
    path(f"{_PERMIT}/proof", permits.Proof.as_view(), name="permit-proof"),
    path(f"{_PERMIT}/renewal", permits.Renewal.as_view(), name="permit-renewal"),
    path(
        f"{_PERMIT}/revocation", permits.Revocation.as_view(), name="permit-revocation"
    ),
    path(
        "permit-revocations",
        permits.RevocationList.as_view(),
        name="permit-revocations",
    ),
    path("security-events", permits.SecurityEvents.as_view(), name="security-events"),
]
