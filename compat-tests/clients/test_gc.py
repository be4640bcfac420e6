"""What `tabularium gc` leaves of what a client logged, registered and deleted."""

import json
import os
import subprocess

import mlflow
import pytest
from conftest import at
from mlflow.exceptions import RestException
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

X, Y = load_iris(return_X_y=True)


def gc(*flags):
    return subprocess.run([*json.loads(os.environ["TABULARIUM_GC"]), *flags], capture_output=True, text=True)


def logged_model():
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(GaussianNB().fit(X, Y), **at("model"), pip_requirements=["scikit-learn"])
    return run.info.run_id, info


def test_a_registered_version_loads_after_its_run_was_collected_in_vain(client, experiment, model_name):
    kept, info = logged_model()
    gone, _ = logged_model()
    mlflow.register_model(info.model_uri, model_name)
    for run_id in kept, gone:
        client.delete_run(run_id)

    refused = gc("--run-ids", f"{kept},{gone}")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"version 1 of the registered model {model_name} points to it" in refused.stderr
    assert client.get_run(gone).info.lifecycle_stage == "deleted"

    done = gc("--run-ids", gone)
    assert (done.returncode, done.stdout) == (0, f"Run with ID {gone} has been permanently deleted.\n"), done.stderr
    with pytest.raises(RestException, match="not found"):
        client.get_run(gone)
    assert mlflow.pyfunc.load_model(f"models:/{model_name}/1").predict(X).shape == (150,)
    client.restore_run(kept)
    assert client.get_run(kept).info.lifecycle_stage == "active"
