"""Settings: all of them. What differs between machines comes from the environment (see docs/running.md)."""

from __future__ import annotations

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from fiberledger.operate import environment

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.data_dir()

DEBUG = os.environ.get("DEBUG") == "1"
SECRET_KEY = environment.secret("django_key")
FIELD_KEY = environment.secret("field_key")

# The house's own names; a tenant's is `slug.BASE_HOST`. Any host is let in: it only ever picks the tenant.
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "*").split(",")
BASE_HOSTS = os.environ.get("BASE_HOSTS", "localhost").split(",")
CSRF_FAILURE_VIEW = "fiberledger.console.views.stale"
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("TRUSTED_ORIGINS", "").split(",") if origin]
BEHIND_PROXY = os.environ.get("BEHIND_PROXY") == "1"
HTTPS = os.environ.get("HTTPS") == "1"
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

_OWN_ROOMS = (
    # foundation
    "tenancy jobs audit vault places identity screens files paper imports exports "
    # records, contracts, work
    "ledger catalog subscribers notices subscriptions ipam billing payments access usage provisioning "
    # processes, faces
    "dunning reports tracing onboarding console team control demo"
).split()

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "django.contrib.messages",
    "template_partials",
    "procrastinate.contrib.django",
    *(f"fiberledger.{room}" for room in _OWN_ROOMS if (BASE_DIR / "fiberledger" / room / "__init__.py").exists()),
    "fiberledger",
]

MIDDLEWARE = [
    "fiberledger.screens.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "fiberledger.screens.middleware.Outage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "fiberledger.screens.middleware.Toasts",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "fiberledger.identity.middleware.Identify",
]

ROOT_URLCONF = "fiberledger.urls"
WSGI_APPLICATION = "fiberledger.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "fiberledger.screens.frame.context",
            ],
        },
    }
]

DATABASES = environment.databases()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["fiberledger.identity.backend.Backend"]
PASSWORD_HASHERS = ["fiberledger.identity.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("name", "email", "phone")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "fiberledger.identity.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # sign in again after a fortnight,
SESSION_IDLE = int(os.environ.get("SESSION_IDLE", str(12 * 3600)))  # or after so many seconds without a click
PUBLIC_URL = os.environ.get(
    "PUBLIC_URL", f"http://{BASE_HOSTS[0]}:{environment.port()}"
)  # what links in letters start with
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # a paper is printed from a frame of its own page

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ur", _("Urdu"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["fiberledger.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 31_536_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None

EMAIL_BACKEND = os.environ.get(
    "EMAIL_BACKEND",
    "django.core.mail.backends.smtp.EmailBackend"
    if os.environ.get("EMAIL_HOST")
    else "django.core.mail.backends.console.EmailBackend",
)
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("EMAIL_TLS", "1") == "1"
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "FiberLedger <no-reply@localhost>")

PROCRASTINATE_WORKER_DEFAULTS = {"fetch_job_polling_interval": 1.0, "delete_jobs": "never"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"brief": {"()": "fiberledger.operate.outage.Brief"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["brief"]}},
    "loggers": {"psycopg.pool": {"level": "ERROR"}},  # the worker itself says when the database is away
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "WARNING")},
}
