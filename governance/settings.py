"""All settings, from the environment where an operator may differ."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from governance import patience, schedule
from governance.database_roles import OWNER
from governance.embedded import dsn_for
from governance.environment import (
    database_from_url,
    env_bool,
    env_int,
    env_list,
    env_networks,
    env_secret,
    kept_secret,
    keywords,
    require_together,
)

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("FREIGABE_VAR") or BASE_DIR / "var").resolve()
UPLOAD_DIR = VAR_DIR / "tmp"
VAR_DIR.mkdir(parents=True, exist_ok=True)
UPLOAD_DIR.mkdir(mode=0o700, exist_ok=True)

# Freigabe ---------------------------------------------------------------------------
PORT = env_int("PORT", 8000)
HTTPS = env_bool("FREIGABE_HTTPS", False)
FREIGABE_INSTANCE_URL = os.environ.get(
    "FREIGABE_INSTANCE_URL", f"http://127.0.0.1:{PORT}"
).rstrip("/")
FREIGABE_KEYS_DIR = VAR_DIR / "keys"
FREIGABE_LOG_ORIGIN = os.environ.get("FREIGABE_LOG_ORIGIN", "freigabe.local/log")
FREIGABE_WITNESS_NAME = os.environ.get(
    "FREIGABE_WITNESS_NAME", "freigabe.local/witness"
)
FREIGABE_MAX_ARTIFACT_BYTES = env_int("FREIGABE_MAX_ARTIFACT_BYTES", 2 * 1024**3)
FREIGABE_EVIDENCE_TIMEOUT_SECONDS = env_int(
    "FREIGABE_EVIDENCE_TIMEOUT_SECONDS", 900, least=1
)
FREIGABE_EVIDENCE_MEMORY_BYTES = env_int(
    "FREIGABE_EVIDENCE_MEMORY_BYTES", 4 * 1024**3, least=256 * 1024**2
)
# Data of more rows than this are scored in parts, by all workers together.
FREIGABE_EVIDENCE_PART_ROWS = env_int("FREIGABE_EVIDENCE_PART_ROWS", 1_000_000, least=1)
FREIGABE_EVIDENCE_RETRY_SECONDS = env_int("FREIGABE_EVIDENCE_RETRY_SECONDS", 10)
FREIGABE_REQUIRE_SANDBOX = env_bool("FREIGABE_REQUIRE_SANDBOX", False)
FREIGABE_LOG_MAX_AGE_HOURS = env_int("FREIGABE_LOG_MAX_AGE_HOURS", 24, least=1)

# Dossiers (docs/dossier.md): what one may take; over it, it fails and offers the split.
FREIGABE_DOSSIER_MAX_PAGES = env_int("FREIGABE_DOSSIER_MAX_PAGES", 500, least=1)
FREIGABE_DOSSIER_SECONDS = env_int("FREIGABE_DOSSIER_SECONDS", 300, least=1)
FREIGABE_DOSSIER_MEMORY_BYTES = env_int(
    "FREIGABE_DOSSIER_MEMORY_BYTES", 2 * 1024**3, least=256 * 1024**2
)

# Permits (docs/gate.md) -------------------------------------------------------------
FREIGABE_PERMIT_HOURS = env_int("FREIGABE_PERMIT_HOURS", 24, least=1)
# How long a signed list of the revoked may be relied on.
FREIGABE_REVOCATION_HOURS = env_int("FREIGABE_REVOCATION_HOURS", 24, least=1)
# The gate's key in a PKCS#11 token; empty: in a file of the key folder.
FREIGABE_PKCS11_MODULE = os.environ.get("FREIGABE_PKCS11_MODULE", "")
FREIGABE_PKCS11_TOKEN = os.environ.get("FREIGABE_PKCS11_TOKEN", "")
FREIGABE_PKCS11_KEY = os.environ.get("FREIGABE_PKCS11_KEY", "freigabe-gate")
# A P-256 key that seals dossiers, in the same token; empty: in a file.
FREIGABE_PKCS11_SEAL_KEY = os.environ.get("FREIGABE_PKCS11_SEAL_KEY", "")
FREIGABE_PKCS11_PIN = env_secret("FREIGABE_PKCS11_PIN")

# Outside memory ---------------------------------------------------------------------
# A directory or s3://bucket/prefix on write-once storage; empty: no export.
FREIGABE_EXPORT = os.environ.get("FREIGABE_EXPORT", "")
FREIGABE_EXPORT_EVERY_MINUTES = env_int("FREIGABE_EXPORT_EVERY_MINUTES", 15, least=1)
# What S3 may not delete before; for a directory the storage itself decides.
FREIGABE_EXPORT_RETAIN_DAYS = env_int("FREIGABE_EXPORT_RETAIN_DAYS", 3653, least=1)
# What others remember of the log (docs/witnesses.md).
FREIGABE_WITNESSES = env_list("FREIGABE_WITNESSES", "")
FREIGABE_WITNESS_QUORUM = env_int("FREIGABE_WITNESS_QUORUM", 1, least=1)
FREIGABE_WITNESS_EVERY_SECONDS = env_int("FREIGABE_WITNESS_EVERY_SECONDS", 60)
FREIGABE_WITNESSED_LOGS = env_list("FREIGABE_WITNESSED_LOGS", "")
FREIGABE_TSA_URL = os.environ.get("FREIGABE_TSA_URL", "")
FREIGABE_TSA_CERTIFICATES = os.environ.get("FREIGABE_TSA_CERTIFICATES", "")
FREIGABE_TSA_EVERY_SECONDS = env_int("FREIGABE_TSA_EVERY_SECONDS", 3600)
FREIGABE_CHECKPOINT_MAIL = env_list("FREIGABE_CHECKPOINT_MAIL", "")
FREIGABE_CHECKPOINT_WEBHOOK = os.environ.get("FREIGABE_CHECKPOINT_WEBHOOK", "")
FREIGABE_CHECKPOINT_WEBHOOK_SECRET = env_secret("FREIGABE_CHECKPOINT_WEBHOOK_SECRET")
FREIGABE_CHECKPOINT_EVERY_HOURS = env_int("FREIGABE_CHECKPOINT_EVERY_HOURS", 24)
FREIGABE_LOG_ALARM_SECONDS = env_int("FREIGABE_LOG_ALARM_SECONDS", 300, least=1)

# Telling people (docs/notifications.md) ---------------------------------------------
# A digest by mail for whoever asks for one; FREIGABE_SMTP_* name the server.
FREIGABE_DIGEST = env_bool("FREIGABE_DIGEST", False)
# Networks that webhooks may call although they are not public, such as 10.1.0.0/16.
FREIGABE_WEBHOOK_ALLOW = env_networks("FREIGABE_WEBHOOK_ALLOW", "")

# Whom of the pipelines we know (docs/doors.md) ----------------------------------------
# Networks of issuers that are not public, such as 10.1.0.0/16; plain http for tests.
FREIGABE_OIDC_ALLOW = env_networks("FREIGABE_OIDC_ALLOW", "")
FREIGABE_OIDC_HTTP = env_bool("FREIGABE_OIDC_HTTP", False)
FREIGABE_OIDC_KEYS_MINUTES = env_int("FREIGABE_OIDC_KEYS_MINUTES", 60, least=1)
FREIGABE_OIDC_STALE_HOURS = env_int("FREIGABE_OIDC_STALE_HOURS", 24, least=1)
FREIGABE_OIDC_TOKEN_MINUTES = env_int("FREIGABE_OIDC_TOKEN_MINUTES", 60, least=1)
# Networks of GitHub, GitLab or Azure DevOps servers that are not public.
FREIGABE_FORGE_ALLOW = env_networks("FREIGABE_FORGE_ALLOW", "")
FREIGABE_TOKEN_MAX_DAYS = env_int("FREIGABE_TOKEN_MAX_DAYS", 366, least=1)

# Numbers for Prometheus (docs/operations.md); the clock's worker serves them. 0: off.
FREIGABE_METRICS_PORT = env_int("FREIGABE_METRICS_PORT", 0)
FREIGABE_METRICS_HOST = os.environ.get("FREIGABE_METRICS_HOST", "127.0.0.1")

# Single sign-on of people (docs/signatures.md); off without issuer and client ---------
FREIGABE_SSO_ISSUER = os.environ.get("FREIGABE_SSO_ISSUER", "")
FREIGABE_SSO_CLIENT_ID = os.environ.get("FREIGABE_SSO_CLIENT_ID", "")
FREIGABE_SSO_CLIENT_SECRET = env_secret("FREIGABE_SSO_CLIENT_SECRET")
# Where the provider keeps them at another host than its own; else it says so itself.
FREIGABE_SSO_AUTHORIZATION_URL = os.environ.get("FREIGABE_SSO_AUTHORIZATION_URL", "")
FREIGABE_SSO_TOKEN_URL = os.environ.get("FREIGABE_SSO_TOKEN_URL", "")
FREIGABE_SSO_JWKS_URL = os.environ.get("FREIGABE_SSO_JWKS_URL", "")
FREIGABE_SSO_ACR_VALUES = env_list("FREIGABE_SSO_ACR_VALUES", "")  # one to sign
FREIGABE_SSO_AMR = env_list("FREIGABE_SSO_AMR", "")  # all of them to sign
FREIGABE_SSO_REQUIRED = env_bool("FREIGABE_SSO_REQUIRED", False)  # nothing else signs
require_together(
    FREIGABE_SSO_ISSUER=FREIGABE_SSO_ISSUER,
    FREIGABE_SSO_CLIENT_ID=FREIGABE_SSO_CLIENT_ID,
    needed=FREIGABE_SSO_REQUIRED,
)

# What runs (docs/reconciliation.md) ---------------------------------------------------
# Networks of clusters and registries that are not public, such as 10.1.0.0/16.
FREIGABE_SOURCES_ALLOW = env_networks("FREIGABE_SOURCES_ALLOW", "")
# After so many days without word, what was reported counts as stale.
FREIGABE_STALE_DAYS = env_int("FREIGABE_STALE_DAYS", 30, least=1)
# Images that carry no model, such as istio/ or docker.io/istio/proxyv2.
FREIGABE_KUBERNETES_IMAGES = env_list("FREIGABE_KUBERNETES_IMAGES", "")

# Security ---------------------------------------------------------------------------
DEBUG = env_bool("FREIGABE_DEBUG", False)
SECRET_KEY = env_secret("FREIGABE_SECRET_KEY") or kept_secret(VAR_DIR / "secret_key")
ALLOWED_HOSTS = env_list(
    "FREIGABE_HOSTS",
    f"127.0.0.1,localhost,[::1],{urlsplit(FREIGABE_INSTANCE_URL).hostname}",
)
CSRF_TRUSTED_ORIGINS = [FREIGABE_INSTANCE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    # Only behind a proxy that sets the header itself and drops the client's.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}

# Composition ------------------------------------------------------------------------
INSTALLED_APPS = [
    "registry.apps.RegistryConfig",
    "audits.apps.AuditsConfig",
    "governance.apps.GovernanceConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "governance.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "governance.middleware.Preferred",
    "governance.middleware.Door",
    "governance.middleware.AccountActs",
]
ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "governance.web.frame.around",
            ],
        },
    }
]

# Database ---------------------------------------------------------------------------
DATABASE_URL_GIVEN = bool(env_secret("DATABASE_URL"))
DATABASE_URL = env_secret("DATABASE_URL") or dsn_for(VAR_DIR / "postgres")
DATABASES = {"default": database_from_url(DATABASE_URL)}
# Who migrates and owns the tables; without it the application does, which is weaker.
FREIGABE_DATABASE_ROLE = DATABASES["default"]["USER"]
OWNER_URL = env_secret("FREIGABE_OWNER_URL")
if not OWNER_URL and not DATABASE_URL_GIVEN:
    OWNER_URL = dsn_for(VAR_DIR / "postgres", user=OWNER)
if OWNER_URL:
    DATABASES["owner"] = database_from_url(OWNER_URL) | {"TEST": {"MIRROR": "default"}}
FREIGABE_OWNER_ALIAS = "owner" if OWNER_URL else "default"
# For the web process only (wsgi.py): a command must not wait for a pool to give up.
if env_bool("FREIGABE_DB_POOL", False):
    size = env_int("FREIGABE_DB_POOL_SIZE", 8, least=1)
    DATABASES["default"]["ENGINE"] = "governance.postgresql"
    DATABASES["default"]["OPTIONS"] |= {"pool": patience.pool(size)}
    DATABASES["default"]["OPTIONS"].setdefault(
        "connect_timeout", patience.CONNECTING_SECONDS
    )
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Files ------------------------------------------------------------------------------
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "storage"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
# Served from where the packages keep them: no collectstatic before the first start.
WHITENOISE_USE_FINDERS = True
FILE_UPLOAD_TEMP_DIR = UPLOAD_DIR
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024**2
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024**2
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750

# Accounts ---------------------------------------------------------------------------
AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "governance.accounts.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Freigabe"
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
EMAIL_BACKEND = os.environ.get(
    "FREIGABE_EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_HOST = os.environ.get("FREIGABE_SMTP_HOST", "localhost")
EMAIL_PORT = env_int("FREIGABE_SMTP_PORT", 25, least=1)
EMAIL_HOST_USER = os.environ.get("FREIGABE_SMTP_USER", "")
EMAIL_HOST_PASSWORD = env_secret("FREIGABE_SMTP_PASSWORD")
EMAIL_USE_TLS = env_bool("FREIGABE_SMTP_STARTTLS", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("FREIGABE_MAIL_FROM", "freigabe@localhost")

# Languages and time -----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "governance" / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

# API --------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["governance.api.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["governance.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "governance.api.errors.problem",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Freigabe",
    "DESCRIPTION": "Decides whether a machine-learning model may run, and proves why.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "SourceKindEnum": "governance.models.DeploymentSource.Kind",
        "ReviewOutcomeEnum": "governance.models.PeriodicReview.Outcome",
        "EvidenceOutcomeEnum": "audits.models.ForeignEvidence.Outcome",
        "ChallengeOutcomeEnum": "governance.challenges.Outcome",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "governance.api.schema.with_problems",
    ],
}

# Clock and muscle -------------------------------------------------------------------
CELERY_BROKER_URL = env_secret("CELERY_BROKER_URL", "pgmq://localhost")
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "clock"
CELERY_TASK_ROUTES = schedule.ROUTES
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Each of these would make a queue, a table, for every process that ever ran.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request that only wakes a worker must not wait for a broker that is gone.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = patience.broker(
    CELERY_BROKER_URL,
    database=keywords(DATABASE_URL),
    hidden_seconds=FREIGABE_EVIDENCE_TIMEOUT_SECONDS + 300,
)
CELERY_BEAT_SCHEDULE = schedule.ticks(
    digests=FREIGABE_DIGEST,
    export_minutes=FREIGABE_EXPORT_EVERY_MINUTES if FREIGABE_EXPORT else None,
)

# Lines for people -------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname:<7} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["console"],
        "level": os.environ.get("FREIGABE_LOG_LEVEL", "INFO"),
    },
    # A line for each tick of the clock would be all that anybody sees.
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "celery.app.trace",
            "celery.worker.strategy",
            "celery.beat",
            "weasyprint.progress",
            "fontTools",
        )
    },
}
