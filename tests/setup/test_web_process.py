"""The web process: light, closed to inline scripts, and without model code."""

import json
import os
import subprocess
import sys

from django.test import Client

HEAVY = {
    "shap",
    "fairlearn",
    "sklearn",
    "weasyprint",
    "xgboost",
    "lightgbm",
    "onnxruntime",
    "skops",
    "numba",
}
LOAD = """
import json, sys
from governance.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_web_process_loads_neither_model_code_nor_the_pdf_engine():
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, check=True
    )
    modules = set(json.loads(loaded.stdout))
    assert "django" in modules
    assert modules & HEAVY == set()


def test_answers_carry_the_security_headers(db):
    answer = Client().get("/account/login/")
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nobody_signs_up(db):
    answer = Client().post(
        "/account/signup/",
        {"username": "mallory", "password1": "x9!kkdls", "password2": "x9!kkdls"},
    )
    assert answer.status_code == 200
    assert "_auth_user_id" not in Client().session
    assert b"closed" in answer.content.lower()


def test_deployment_check_passes_behind_https():
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--tag", "security"]
        + ["--fail-level", "WARNING"],
        env={**os.environ, "FREIGABE_HTTPS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
