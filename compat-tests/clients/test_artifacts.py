"""Artifacts through the server's own proxy: what is uploaded comes back byte by byte."""

import os

import mlflow
import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture
def run_id(experiment):
    with mlflow.start_run() as run:
        return run.info.run_id


@pytest.fixture
def nested(tmp_path):
    """A folder of folders with names and contents of many kinds: (folder, {path: bytes})."""
    files = {
        "top.txt": b"top",
        "empty": b"",
        "a/b/c/deep.bin": os.urandom(300_000),
        "a/with space & 100 % = all.txt": b"x",
        "a/ümläut-模型.txt": "é".encode(),
        "a/.hidden": b"h",
    }
    for path, content in files.items():
        file = tmp_path / "source" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "source", files


def contents(folder):
    return {
        os.path.relpath(os.path.join(place, file), folder): open(os.path.join(place, file), "rb").read()
        for place, _, files in os.walk(folder)
        for file in files
    }


def test_nested_folders_come_back_as_they_were(client, run_id, nested, tmp_path):
    folder, files = nested
    client.log_artifacts(run_id, str(folder), artifact_path="upload")
    target = tmp_path / "target"
    target.mkdir()
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="upload", dst_path=str(target))
    assert contents(path) == files
    whole = client.download_artifacts(run_id, "", str(target / "."))
    assert contents(os.path.join(whole, "upload")) == files


def test_one_file_goes_to_its_folder(client, run_id, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("read me")
    client.log_artifact(run_id, str(file))
    client.log_artifact(run_id, str(file), artifact_path="docs/more")
    file.write_text("read me again")
    client.log_artifact(run_id, str(file))
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes.txt") == "read me again"
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/docs/more/notes.txt") == "read me"


def test_listings_show_one_level(client, run_id, nested):
    folder, files = nested
    client.log_artifacts(run_id, str(folder))

    def listed(path=None):
        # Of an empty file the server says no size, as MLflow's does; a client that asks S3 itself says 0.
        return {file.path: (file.is_dir, file.file_size or None) for file in client.list_artifacts(run_id, path)}

    assert listed() == {"a": (True, None), "empty": (False, None), "top.txt": (False, 3)}
    assert listed("a/b/c") == {"a/b/c/deep.bin": (False, 300_000)}
    assert set(listed("a")) == {"a/b"} | {path for path in files if path.count("/") == 1}
    assert listed("nowhere") == {}


def test_texts_and_dictionaries(client, run_id):
    client.log_text(run_id, "Grüße", "texts/hello.txt")
    client.log_dict(run_id, {"k": [1, 2, {"n": None}]}, "config.json")
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/texts/hello.txt") == "Grüße"
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/config.json") == {"k": [1, 2, {"n": None}]}


def test_a_table_grows(client, run_id):
    client.log_table(run_id, {"q": ["one"], "score": [0.5]}, "table.json")
    client.log_table(run_id, {"q": ["two"], "score": [0.7]}, "table.json")
    assert list(client.load_table(experiment_id=client.get_run(run_id).info.experiment_id,
                                  run_ids=[run_id], artifact_file="table.json")["q"]) == ["one", "two"]


def test_a_file_that_is_not_there_cannot_be_had(run_id):
    with pytest.raises((MlflowException, OSError)):
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="nowhere.txt")


def test_a_large_file_survives(client, run_id, tmp_path):
    content = os.urandom(1 << 20) * 24
    (tmp_path / "large.bin").write_bytes(content)
    client.log_artifact(run_id, str(tmp_path / "large.bin"))
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="large.bin", dst_path=str(tmp_path / "."))
    (listed,) = client.list_artifacts(run_id)
    assert listed.file_size == len(content)
    assert open(path, "rb").read() == content
