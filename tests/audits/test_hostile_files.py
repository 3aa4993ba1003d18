"""Every hostile file ends as a sentence; nothing runs, and the worker lives."""

import re
from pathlib import Path

import pytest

from audits.answers import Limits, Source, check_model, predict
from audits.artifacts import UnsupportedArtifact, detect
from audits.sandbox import SandboxRefused
from tests.audits import hostile, hostile_onnx, zoo

LIMITS = Limits(timeout_seconds=30)


def require_sentence(said: str) -> None:
    assert said.endswith((".", ".'"))
    assert "Traceback" not in said
    assert "ended with an error" not in said
    assert "crashed" not in said


def test_the_battery_is_large_enough() -> None:
    batteries = (hostile.AT_THE_DOOR, hostile.IN_THE_SANDBOX, hostile_onnx.WHEN_ASKED)
    assert sum(map(len, batteries)) >= 45


@pytest.mark.parametrize("name", hostile.AT_THE_DOOR)
def test_the_door_refuses(name: str, tmp_path: Path) -> None:
    write, words = hostile.AT_THE_DOOR[name]
    path = tmp_path / name
    write(path)
    with pytest.raises(UnsupportedArtifact) as caught:
        detect(path)
    require_sentence(str(caught.value))
    assert re.search(words, str(caught.value))
    assert not (tmp_path / hostile.CANARY).exists()


@pytest.mark.parametrize("name", hostile.IN_THE_SANDBOX)
def test_the_sandbox_refuses(name: str, tmp_path: Path) -> None:
    write, format, words = hostile.IN_THE_SANDBOX[name]
    path = tmp_path / name
    write(path)
    assert detect(path).format == format
    with pytest.raises(SandboxRefused) as caught:
        check_model(path, format=format, limits=LIMITS)
    require_sentence(str(caught.value))
    assert re.search(words, str(caught.value))
    assert not (tmp_path / hostile.CANARY).exists()


@pytest.mark.parametrize("name", hostile_onnx.WHEN_ASKED)
def test_the_answer_is_not_believed(name: str, tmp_path: Path) -> None:
    make, words = hostile_onnx.WHEN_ASKED[name]
    path = tmp_path / name
    path.write_bytes(make())
    data = tmp_path / "data.csv"
    data.write_text("x,z\n" + "-1,-2\n1,2\n3,5\n" * 20)
    source = Source(
        model=path,
        format=detect(path).format,
        data=data,
        media_type=zoo.CSV,
        features=("x", "z"),
    )
    limits = Limits(timeout_seconds=4 if name.startswith("endless") else 30)
    with pytest.raises(SandboxRefused) as caught:
        predict(source, rows=60, limits=limits)
    require_sentence(str(caught.value))
    assert re.search(words, str(caught.value))
