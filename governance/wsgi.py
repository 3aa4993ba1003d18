"""The web process: what gunicorn loads."""

import gc
import os
import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
os.environ.setdefault("FREIGABE_DB_POOL", "1")
_django = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # all pages, before the first of them is asked for
# What is loaded now stays: the collector looked through it for a tenth of a second, in
# the midst of somebody's request. Workers that are forked share it, too.
gc.collect()
gc.freeze()
# RFC 2046, 5.1.1, but for the space.
_BOUNDARY = re.compile(r"""boundary=("?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1""")


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Hand a request to Django without what its content type says of an encoding.

    Django takes any codec of Python from there, before anything of ours runs: `rot13`
    and `zlib` do not even give text, `utf-7` another one than every other reader sees.
    Everything here is UTF-8 (for JSON: RFC 8259, 8.1).
    """
    environ["CONTENT_TYPE"] = plain(environ.get("CONTENT_TYPE", ""))
    return _django(environ, start_response)


def plain(kind: str) -> str:
    """A content type without parameters; of multipart, with its boundary."""
    name, _semicolon, parameters = kind.partition(";")
    boundary = _BOUNDARY.search(parameters)
    if boundary is None or not name.lower().startswith("multipart/"):
        return name.strip()
    return f'{name.strip()}; boundary="{boundary[2]}"'
