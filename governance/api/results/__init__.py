"""What the gate and readiness answer, as pipelines and their servers read it."""

from governance.api.results.negotiation import RENDERERS, ByFormat, is_problem_json

__all__ = ["RENDERERS", "ByFormat", "is_problem_json"]
