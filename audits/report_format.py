"""The form of a report's document, by name and as a JSON Schema."""

import json
from pathlib import Path
from typing import Any

REPORT_FORMAT = "freigabe.evidence-report/1"
SCHEMA = Path(__file__).with_name("evidence-report-1.schema.json")


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a report's document."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    return found
