"""Schemas and examples that the tests of the doors read."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs/examples"
SHARED = ROOT.parent / "shared/schemas"


def schema_file(name: str) -> Path:
    """A file of ../shared/schemas; the test is skipped where it is absent."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip("../shared is not here")
    return path


def schema(name: str) -> dict:
    return json.loads(schema_file(name).read_text())
