"""What a model answers to changed rows, through the real sandbox."""

from pathlib import Path

import numpy as np
import pytest

from audits.answers import Limits, Source
from audits.evaluators import robustness
from audits.responses import respond
from audits.sampling import choose_rows
from tests.audits import zoo

LIMITS = Limits(timeout_seconds=120)


def source_of(exhibit: zoo.Exhibit) -> Source:
    return Source(
        model=exhibit.path,
        format=exhibit.format,
        data=exhibit.data,
        media_type=zoo.CSV,
        features=tuple(zoo.features()),
        positive="1",
    )


def asked(source: Source, **more: object):
    said = {"asked": 60, "noise": 0.1, "seed": 0, "monotonic": {}, **more}
    rows = choose_rows(2380, 400, seed=0)
    return respond(source, rows=rows, limits=LIMITS, **said)[0]


@pytest.mark.parametrize("name", ["logistic", "histogram"])
def test_a_pipeline_responds_to_every_feature(name: str, tmp_path: Path) -> None:
    exhibit = zoo.skops_file(tmp_path, name)
    found = asked(source_of(exhibit))
    np.testing.assert_allclose(found.base, exhibit.expected[found.rows], atol=1e-9)
    assert {one.feature for one in found.single} == set(zoo.features())
    assert [level for level, _ in found.joint] == [0.05, 0.1, 0.2]
    by = {(one.feature, one.kind): one for one in found.single}
    assert by["afam", "swap"].scores is not None
    assert ("pirat", "swap") not in by
    moved = robustness.changes(found.base, by["pirat", "up"].scores)
    assert moved.max() > 0
    result = robustness.evaluate(
        found, task="binary", target=zoo.target()[found.rows], config={}
    )
    largest = result.get("noise_response_largest").value
    assert largest is not None
    assert 0 < largest < 0.2
    assert result.get("extreme_failures").value == 0
    assert result.get("joint_noise_auc_drop[noise=0.1]").lower is not None
