"""The choice of the interpreter: the newest that really runs."""

import importlib.util
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "tools" / "interpreters.py"


@pytest.fixture
def tool():
    """Load the tool from its file: it is no part of the packages."""
    spec = importlib.util.spec_from_file_location("interpreters", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Give a machine without any Python, to which a test adds some."""
    for name in ("bin", "pyenv", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def add(path: str, version: str, *, runs: bool = True) -> str:
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        answer = f"echo {version}; echo {program}" if runs else "exit 127"
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
        return str(program)

    return add


def test_newest_wins_wherever_it_lies(tool, machine):
    machine("bin/python3.11", "3.11.2")
    machine("bin/python3", "3.15.0")
    newest = machine("pyenv/versions/3.13.1/bin/python3", "3.13.1")
    assert tool.choose("") == newest


def test_shim_that_does_not_run_is_passed_over(tool, machine):
    machine("bin/python3.14", "3.14.0", runs=False)
    works = machine("bin/python3.12", "3.12.4")
    assert tool.choose("") == works


def test_named_interpreter_wins_over_newer_ones(tool, machine):
    machine("bin/python3.13", "3.13.1")
    named = machine("bin/python3.11", "3.11.2")
    assert tool.choose("python3.11") == named
    assert tool.choose(named) == named


@pytest.mark.parametrize(
    ("version", "complaint"),
    [("3.10.9", "needs 3.11 to 3.14"), ("3.15.0", "needs 3.11 to 3.14")],
)
def test_named_interpreter_must_suit(tool, machine, version, complaint):
    machine("bin/python3.13", "3.13.1")
    with pytest.raises(tool.NoPython, match=complaint):
        tool.choose(machine("bin/mine", version))


def test_nothing_suitable_says_what_to_do(tool, machine):
    machine("bin/python3", "3.9.2")
    with pytest.raises(tool.NoPython, match=r"install it, or name it with PYTHON="):
        tool.choose("")
    with pytest.raises(tool.NoPython, match=r"PYTHON=python9 does not run"):
        tool.choose("python9")
