"""Uploads through the API: what is no model or no data leaves nothing behind."""

import json
import pickle

import pytest
from django.core.files.storage import default_storage

from registry.models import Artifact, DatasetVersion
from tests.governance.callers import pointers
from tests.world import CSV, LIGHTGBM


class Evil:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("hacked",))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (pickle.dumps(Evil()), "model.skops", "pickle"),
        (pickle.dumps(Evil(), protocol=0), "model.skops", "pickle"),
        (b"\x93garbage" * 100_000, "model.skops", ""),
        (b"", "model.skops", "empty"),
        (b"a,b\n1,2\n", "model.skops", "not a model"),
        (b"PK\x03\x04 no zip", "model.skops", ""),
    ],
)
def test_a_file_that_is_no_model_is_refused_and_leaves_nothing(
    world, caller, content, name, words
):
    answer = caller(user="ben").upload("artifacts", content, name)
    assert answer.status_code == 422, answer.content
    assert pointers(answer) == ["/file"]
    assert words in answer.json()["detail"]
    assert not Artifact.objects.exists()
    assert not _stored_files()


def _stored_files() -> list[str]:
    if not default_storage.exists("artifacts"):
        return []
    folders, _files = default_storage.listdir("artifacts")
    return [n for f in folders for n in default_storage.listdir(f"artifacts/{f}")[1]]


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }


def test_a_file_over_the_limit_is_refused(world, caller, settings):
    settings.FREIGABE_MAX_ARTIFACT_BYTES = 1000
    answer = caller(user="ben").upload("artifacts", LIGHTGBM * 4)
    assert (answer.status_code, pointers(answer)) == (413, ["/file"])
    assert not _stored_files()


def test_the_same_bytes_twice_are_one_artifact(world, caller):
    developer = caller(user="ben")
    first = developer.upload("artifacts", LIGHTGBM).json()
    second = developer.upload("artifacts", LIGHTGBM, "other-name.txt").json()
    assert first == second
    assert len(_stored_files()) == 1


@pytest.mark.parametrize(
    ("content", "columns", "pointer"),
    [
        (b"a,b\n1,2\n", {"c": "feature"}, "/columns"),
        (b"a,b\n1,2\n", {"a": "goal"}, "/columns/a"),
        (b"a,b\n1,2\n", {}, "/columns"),
        (b"a,b\n1,2\n", {"a": "target", "b": "target"}, "/columns"),
        (b"a,a\n1,2\n", {"a": "feature"}, "/file"),
        (b"a,b\n", {"a": "feature"}, "/file"),
        (b"%PDF-1.4", {"a": "feature"}, "/file"),
        (b"PAR1 not parquet", {"a": "feature"}, "/file"),
    ],
)
def test_data_that_do_not_fit_their_roles_are_refused(
    world, caller, content, columns, pointer
):
    developer = caller(user="ben")
    developer.post("datasets", {"slug": "apps", "name": "Apps"})
    answer = developer.upload(
        "datasets/apps/versions", content, "d.csv", columns=json.dumps(columns)
    )
    assert answer.status_code == 422, answer.content
    assert pointers(answer) == [pointer]
    assert not DatasetVersion.objects.exists()
    assert not Artifact.objects.exists()


def _upload_with_labels(world, caller, labels):
    developer = caller(user="ben")
    developer.post("datasets", {"slug": "apps", "name": "Apps"})
    return developer.upload(
        "datasets/apps/versions",
        CSV,
        "apps.csv",
        columns=json.dumps({"dti": "feature", "deny": "target"}),
        labels=json.dumps(labels),
    )


@pytest.mark.parametrize(
    ("labels", "pointer"),
    [
        ([], "/labels"),
        ({"income": {"en": "Income"}}, "/labels/income"),
        ({"dti": "Debt"}, "/labels/dti"),
        ({"dti": {"fr": "Dette"}}, "/labels/dti"),
        ({"dti": {"en": ""}}, "/labels/dti/en"),
        ({"dti": {"de": "x" * 201}}, "/labels/dti/de"),
    ],
)
def test_labels_that_cannot_be_are_refused_at_their_place(
    world, caller, labels, pointer
):
    answer = _upload_with_labels(world, caller, labels)
    assert answer.status_code == 422, answer.content
    assert pointers(answer) == [pointer]
    assert not DatasetVersion.objects.exists()


def test_labels_are_kept_with_their_columns(world, caller):
    answer = _upload_with_labels(world, caller, {"dti": {"en": "Debt", "de": "Schuld"}})
    assert answer.status_code == 201, answer.content
    (column,) = [c for c in answer.json()["columns"] if c["name"] == "dti"]
    assert (column["label_en"], column["label_de"]) == ("Debt", "Schuld")
