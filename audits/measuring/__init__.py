"""One measurement from end to end: files to the sandbox, answers to the evaluators."""

from audits.measuring.job import Job, opened
from audits.measuring.measured import Measured, measure

__all__ = ["Job", "Measured", "measure", "opened"]
