"""Models as things of their own, which MLflow has since 3.0."""

import json

import mlflow
import numpy as np
import pytest
from mlflow.entities import LoggedModelStatus
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

X, Y = load_iris(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def logged(experiment):
    """A model in a run, with a parameter and a metric of that run: (run id, what log_model answered, the model)."""
    bayes = GaussianNB(var_smoothing=0.001).fit(X, Y)
    with mlflow.start_run() as run:
        mlflow.log_params({"smoothing": 0.001})
        mlflow.log_metric("accuracy", bayes.score(X, Y))
        info = mlflow.sklearn.log_model(
            bayes, name="bayes", input_example=X[:2], pip_requirements=["scikit-learn"], tags={"kind": "naive"}
        )
    return run.info.run_id, info, bayes


def test_a_model_knows_its_run_parameters_and_metrics(logged, experiment):
    run_id, info, bayes = logged
    model = mlflow.get_logged_model(info.model_id)
    assert model.status == LoggedModelStatus.READY
    assert (model.name, model.source_run_id) == ("bayes", run_id)
    assert model.experiment_id == experiment.experiment_id
    assert model.params["smoothing"] == "0.001"
    assert model.tags["kind"] == "naive"
    assert {metric.key: metric.value for metric in model.metrics} == {"accuracy": bayes.score(X, Y)}
    run = mlflow.get_run(run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [info.model_id]


def test_a_model_registers_by_its_own_uri(logged, client, unique):
    run_id, info, bayes = logged
    name = unique("by-model-uri")
    version = mlflow.register_model(f"models:/{info.model_id}", name, tags={"from": "model"})
    got = client.get_model_version(name, version.version)
    assert (got.status, got.run_id, got.source) == ("READY", run_id, f"models:/{info.model_id}")
    assert got.tags == {"from": "model"}
    tag = mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"]
    assert {"name": name, "version": 1} in json.loads(tag)
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/1")
    np.testing.assert_array_equal(loaded.predict(X), bayes.predict(X))


def test_a_model_loads_without_being_registered(logged):
    _, info, bayes = logged
    for uri in [f"models:/{info.model_id}", info.model_uri]:
        np.testing.assert_array_equal(mlflow.sklearn.load_model(uri).predict(X), bayes.predict(X))


def test_search_of_models(logged, client, experiment):
    run_id, info, _ = logged
    ids = [experiment.experiment_id]
    for filter_string in [
        "name = 'bayes'",
        f"source_run_id = '{run_id}'",
        "params.smoothing = '0.001'",
        "tags.kind = 'naive' AND metrics.accuracy > 0.5",
    ]:
        found = client.search_logged_models(ids, filter_string)
        assert [model.model_id for model in found] == [info.model_id], filter_string
    assert list(client.search_logged_models(ids, "metrics.accuracy > 2")) == []
    frame = mlflow.search_logged_models(ids, filter_string="name = 'bayes'")
    assert list(frame["model_id"]) == [info.model_id]


def test_a_model_of_elsewhere(experiment, client):
    model = mlflow.create_external_model(name="elsewhere", params={"vendor": "acme"}, tags={"t": "1"})
    assert model.status == LoggedModelStatus.READY
    mlflow.log_model_params({"size": "7b"}, model_id=model.model_id)
    mlflow.set_logged_model_tags(model.model_id, {"u": "2"})
    mlflow.delete_logged_model_tag(model.model_id, "t")
    mlflow.log_metric("latency", 0.3, model_id=model.model_id)
    got = mlflow.get_logged_model(model.model_id)
    assert got.params == {"vendor": "acme", "size": "7b"}
    assert got.tags["u"] == "2" and "t" not in got.tags
    assert [(metric.key, metric.value) for metric in got.metrics] == [("latency", 0.3)]

    client.delete_logged_model(model.model_id)
    assert list(client.search_logged_models([experiment.experiment_id], "name = 'elsewhere'")) == []
    with pytest.raises(MlflowException, match="not found"):
        mlflow.get_logged_model(model.model_id)


def test_a_model_is_finished_or_has_failed(experiment, client):
    model = mlflow.initialize_logged_model(name="half", model_type="agent")
    assert model.status == LoggedModelStatus.PENDING
    assert client.finalize_logged_model(model.model_id, "FAILED").status == LoggedModelStatus.FAILED


def test_files_of_a_model_are_listed(logged, client):
    _, info, _ = logged
    files = {file.path for file in client.list_logged_model_artifacts(info.model_id)}
    assert {"MLmodel", "requirements.txt", "input_example.json"} <= files
