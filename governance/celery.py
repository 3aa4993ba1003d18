"""The Celery application: the clock and the muscle, never the memory."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

app = Celery("freigabe")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance"])

# What beat runs: it only names tasks, and loads none of their code.
clock = Celery("freigabe", set_as_current=False)
clock.config_from_object("django.conf:settings", namespace="CELERY")
