"""Entry of the child: confine itself, do one verb, answer, end."""

import importlib
import json
import logging
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.sandboxed.confinement import confine
from audits.sandboxed.refusal import Refused
from audits.sandboxed.usage import peak_memory
from audits.sandboxed.wire import Reply

# Imported by name when asked for: looking into a CSV needs no model library.
VERBS = {
    "inspect": "audits.sandboxed.inspecting",
    "check": "audits.sandboxed.checking",
    "predict": "audits.sandboxed.predicting",
    "explain": "audits.sandboxed.explaining",
    "respond": "audits.sandboxed.responding",
    "probe": "audits.sandboxed.probing",
}
logger = logging.getLogger(__name__)


def main() -> None:
    """Read one job from standard input and answer it in frames."""
    job: dict[str, Any] = json.load(sys.stdin)
    os.close(0)
    reply = Reply(os.dup(1))
    os.dup2(2, 1)  # native libraries print; their words must not look like frames
    reply.level(confine(job))
    try:
        values = _do(job, reply)
    except Refused as refusal:
        if refusal.__cause__ is not None:  # for our log; people get the sentence
            logger.exception("refused")
        reply.refuse(str(refusal))
        return
    except MemoryError:
        gib = int(job["memory_bytes"]) / 1024**3
        reply.refuse(f"The work needs more memory than the {gib:.1f} GiB allowed.")
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values["cpu_seconds"] = round(usage.ru_utime + usage.ru_stime, 3)
    values["peak_memory_bytes"] = peak_memory()
    reply.result(values)


def _do(job: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Do the verb and send its arrays; they may be made while they are sent."""
    verb = importlib.import_module(VERBS[job["verb"]])
    files = {name: Path(path) for name, path in job["files"].items()}
    values: dict[str, Any]
    values, arrays = verb.work(
        files=files, options=job["options"], progress=reply.progress
    )
    for name, array in arrays.items() if isinstance(arrays, Mapping) else arrays:
        reply.array(name, array)
    return values
