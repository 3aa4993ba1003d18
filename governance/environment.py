"""Reading the settings that the environment gives."""

import ipaddress
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def env_bool(name: str, default: bool) -> bool:
    """Return a switch: 1/0, true/false, yes/no, on/off; anything else is refused."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _TRUE:
        return True
    if value.strip().lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def env_int(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number not below `least`; anything else is refused."""
    value = os.environ.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if number < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {number}.")
    return number


def env_list(name: str, default: str) -> list[str]:
    """Return the parts of a comma-separated value."""
    parts = os.environ.get(name, default).split(",")
    return [part.strip() for part in parts if part.strip()]


def env_networks(name: str, default: str) -> list[str]:
    """Return networks in CIDR notation; anything else is refused."""
    networks = env_list(name, default)
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}") from error
    return networks


def require_together(*, needed: bool, **values: str) -> None:
    """Refuse settings that are given in part, or not at all where they are needed."""
    missing = [name for name, value in values.items() if not value]
    if missing and (needed or len(missing) < len(values)):
        raise ImproperlyConfigured(f"Set {', '.join(missing)} as well.")


def env_secret(name: str, default: str = "") -> str:
    """Return a secret from `name`, or from the file that `name`_FILE names."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name, default)
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as failure:
        raise ImproperlyConfigured(
            f"{name}_FILE: {file} cannot be read ({failure.strerror})."
        ) from failure


def kept_secret(path: Path) -> str:
    """Return the secret kept in `path`, made on first use; only its owner reads it.

    Two processes that start at once get the same secret: the file appears whole.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(64))
        # Another process may have been first; then its secret holds.
        with suppress(FileExistsError):
            os.link(new, path)
        os.unlink(new)
    return path.read_text(encoding="utf-8").strip()


def database_from_url(url: str) -> dict[str, Any]:
    """Return Django's description of a `postgresql://` address.

    The query goes to libpq: `?host=/socket/dir&sslmode=verify-full`. Any other
    database is refused: triggers and locks of PostgreSQL carry the promises.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://.")
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL must name a database.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": dict(options),
    }


def keywords(url: str) -> str:
    """Return the same address as libpq keywords: `host=/socket/dir dbname=...`."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return make_conninfo("", **parts)
