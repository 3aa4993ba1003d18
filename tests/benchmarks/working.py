"""Times evidence runs on large data with 1 and 2 workers. Run by apart.run()."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django

django.setup()

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from django.core.management import call_command  # noqa: E402

from audits.models import EvidenceRun  # noqa: E402
from governance import artifacts, datasets, evidence, registration  # noqa: E402
from tests.world import NOW, World  # noqa: E402

FEATURES = [f"x{number:02}" for number in range(30)]
GROUPS = {"sex": 2, "race": 5, "age": 3}
CHUNK = 500_000
WORKER = """
import sys
import django
django.setup()
from audits import execution
from audits.sandboxed.usage import peak_memory
print("ready", flush=True)
sys.stdin.readline()
while execution.execute_next():
    pass
print(peak_memory())
"""


def _model(path: Path) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(20_000, len(FEATURES)))
    truth = (values[:, :5].sum(axis=1) + random.normal(size=20_000) > 0).astype(int)
    data = lightgbm.Dataset(values, truth, feature_name=FEATURES)
    lightgbm.train(
        {"objective": "binary", "num_leaves": 31, "verbose": -1, "seed": 0}, data, 200
    ).save_model(path)


def _data(path: Path, rows: int) -> None:
    """Write the rows chunk by chunk: 30 features, 3 groups in words, the truth."""
    random = np.random.default_rng(1)
    writer = None
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        columns = {n: random.normal(size=count).astype(np.float32) for n in FEATURES}
        for name, many in GROUPS.items():
            words = [f"{name} {number}" for number in range(many)]
            codes = random.integers(0, many, count)
            columns[name] = pa.DictionaryArray.from_arrays(codes, words)
        columns["y"] = (columns["x00"] + columns["x01"] > 0).astype(np.int8)
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=100_000)
    if writer is not None:
        writer.close()


def _measured(run: EvidenceRun, workers: int) -> dict[str, float]:
    """Seconds that this many workers need, and the most memory one of them took."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    began = time.monotonic()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate()[0] for child in children]
    run.refresh_from_db()
    assert run.state == "finished", run.failure
    cost = run.report.cost
    return {
        "seconds": (run.ended_at - run.started_at).total_seconds(),
        "wall": time.monotonic() - began,
        "worker_bytes": max(int(text) for text in said),
        "child_bytes": cost["peak_memory_bytes"],
        "rows_per_second": cost["rows_per_second"],
    }


def main(rows: int, workers: list[int]) -> None:
    """Print one measurement for each number of workers."""
    call_command("migrate", verbosity=0)
    world = World()
    with tempfile.TemporaryDirectory(dir=os.environ["FREIGABE_VAR"]) as folder:
        model, data = Path(folder) / "model.txt", Path(folder) / "data.parquet"
        _model(model)
        _data(data, rows)
        artifact = artifacts.store(
            chunks=[model.read_bytes()], file_name=model.name, by=world.ben, at=NOW
        )
        dataset = datasets.register(slug="big", name="big", by=world.ben, at=NOW)
        with data.open("rb") as file:
            stored = datasets.add_version(
                dataset=dataset,
                chunks=iter(lambda: file.read(2**20), b""),
                file_name=data.name,
                columns={
                    **dict.fromkeys(FEATURES, "feature"),
                    **dict.fromkeys(GROUPS, "sensitive"),
                    "y": "target",
                },
                by=world.ben,
                at=NOW,
            )
    version = registration.register_version(
        model=world.model(),
        version="1",
        artifacts=[(artifact, "model")],
        by=world.ben,
        at=NOW,
    )
    found = []
    for count in workers:
        run = evidence.request_run(
            version=version,
            kind="fairness",
            dataset_version=stored,
            again=True,
            by=world.vera,
            at=NOW,
        )
        found.append(_measured(run, count))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(word) for word in sys.argv[2].split(",")])
