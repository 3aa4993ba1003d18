"""A task for the tests of the broker: it notes that it ran."""

from celery import shared_task
from django.db import connection


@shared_task(name="governance.tasks.execute_throwaway")
def execute_throwaway() -> None:
    """Insert one row."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO public.throwaway DEFAULT VALUES")
