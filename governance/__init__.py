"""Decisions and doors: risk, policy, approvals, gate, pages, API."""

from governance.celery import app as celery_app

__all__ = ["celery_app"]
