"""The web process: what gunicorn loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
os.environ.setdefault("FREIGABE_DB_POOL", "1")
application = get_wsgi_application()
