"""All addresses: each door brings its own table."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
]
