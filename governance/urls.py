"""All addresses: each door brings its own table."""

from django.urls import include, path
from django.views.i18n import set_language

from governance.api import health, witness
from governance.web import lost_password, single_sign_on

urlpatterns = [
    # Before the pages: the gate's question tries no address of theirs.
    path("api/v1/", include("governance.api.urls")),
    path("", include("governance.web.urls")),
    # Not below account/: there allauth's views act without our acts.
    path("single-sign-on", single_sign_on.start, name="single_sign_on"),
    path("single-sign-on/back", single_sign_on.back, name="single_sign_on_back"),
    # In place of allauth's, which would mail whoever reads the mailbox a way in.
    path(
        "account/password/reset/",
        lost_password.lost_password,
        name="account_reset_password",
    ),
    path("account/password/reset/<path:rest>", lost_password.lost_password),
    path("account/", include("allauth.urls")),
    path("language/", set_language, name="set_language"),
    path("witness/add-checkpoint", witness.add_checkpoint, name="witness"),
    path(".well-known/freigabe/keys.json", health.keys, name="keys"),
]
