"""What a user does, from training to the model in production (the four steps that Tabularium was begun for)."""

import mlflow
import numpy as np
import pytest
from conftest import ROOT, at
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, Y = load_breast_cancer(return_X_y=True, as_frame=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=7)
STRENGTHS = [0.001, 0.1, 10.0]


@pytest.fixture(scope="module")
def trained(experiment):
    """Three runs, each with what it trained: (run id, model, accuracy)."""
    results = []
    for strength in STRENGTHS:
        with mlflow.start_run(run_name=f"C={strength}", description="A first try") as run:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength)).fit(X_TRAIN, Y_TRAIN)
            accuracy = model.score(X_TEST, Y_TEST)
            mlflow.log_param("C", strength)
            mlflow.log_params({"solver": "lbfgs", "rows": len(X_TRAIN)})
            mlflow.log_metric("accuracy", accuracy)
            mlflow.log_metrics({"train_accuracy": model.score(X_TRAIN, Y_TRAIN), "features": X.shape[1]})
            mlflow.set_tag("team", "risk")
            mlflow.set_tags({"stage": "trial", "réviseur": "Zoë 🦊"})
            mlflow.sklearn.log_model(
                model,
                signature=infer_signature(X_TEST, model.predict(X_TEST)),
                input_example=X_TEST[:3],
                **at("model"),
            )
        results.append((run.info.run_id, model, accuracy))
    return results


@pytest.fixture(scope="module")
def name(unique):
    return unique("fraud-detector")


@pytest.fixture(scope="module")
def registered(trained, name):
    return [mlflow.register_model(f"runs:/{run_id}/model", name) for run_id, _, _ in trained]


@pytest.fixture(scope="module")
def promoted(registered, client, name):
    """Version 3 in Production in place of version 1, version 2 in Staging, version 3 the champion."""
    client.transition_model_version_stage(name, 1, "Production")
    client.transition_model_version_stage(name, 2, "staging")
    client.transition_model_version_stage(name, "3", "Production", archive_existing_versions=True)
    client.set_registered_model_alias(name, "champion", "3")
    return name


def test_runs_hold_what_was_logged(trained, client, experiment):
    run_id, _, accuracy = trained[1]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.experiment_id == experiment.experiment_id
    assert run.info.end_time >= run.info.start_time
    assert run.info.run_name == "C=0.1"
    assert run.data.params == {"C": "0.1", "solver": "lbfgs", "rows": str(len(X_TRAIN))}
    assert run.data.metrics["accuracy"] == accuracy
    assert run.data.metrics["features"] == 30
    assert run.data.tags["team"] == "risk"
    assert run.data.tags["réviseur"] == "Zoë 🦊"
    assert run.data.tags["mlflow.note.content"] == "A first try"


def test_versions_count_up_and_are_ready(registered, trained, name, client):
    assert [version.version for version in registered] in ([1, 2, 3], ["1", "2", "3"])
    for number, (run_id, _, accuracy) in enumerate(trained, start=1):
        version = client.get_model_version(name, str(number))
        assert version.name == name
        assert version.status == "READY"
        assert version.current_stage == "None"
        assert version.run_id == run_id
        assert version.last_updated_timestamp >= version.creation_timestamp
        assert client.get_run(version.run_id).data.metrics["accuracy"] == accuracy


def test_what_the_model_of_a_version_measured_is_unset(registered, client, name):
    version = client.get_model_version(name, "1")
    found = client.search_model_versions(f"name = '{name}'")[0]
    for one in [registered[0], version, found]:
        for attribute in ["model_id", "params", "metrics"]:
            assert not getattr(one, attribute, None)


def test_versions_take_descriptions_and_tags(registered, client, name):
    client.update_registered_model(name, description="Flags transfers for review")
    for number in ["1", "2", "3"]:
        client.update_model_version(name, number, description=f"Take {number}")
    client.set_registered_model_tag(name, "domain", "payments")
    client.set_model_version_tag(name, "2", "reviewed", "yes")
    client.set_model_version_tag(name, version="2", key="reviewer", value="ben")
    client.delete_model_version_tag(name, "2", "reviewer")

    model = client.get_registered_model(name)
    assert (model.description, model.tags) == ("Flags transfers for review", {"domain": "payments"})
    assert [client.get_model_version(name, n).description for n in "123"] == ["Take 1", "Take 2", "Take 3"]
    assert client.get_model_version(name, "2").tags == {"reviewed": "yes"}
    client.delete_registered_model_tag(name, "domain")
    assert client.get_registered_model(name).tags == {}


def test_promotion_archives_what_was_in_production(promoted, client, name):
    stages = [client.get_model_version(name, number).current_stage for number in "123"]
    assert stages == ["Archived", "Staging", "Production"]
    latest = client.get_latest_versions(name, stages=["Production", "Staging"])
    assert {version.current_stage: int(version.version) for version in latest} == {"Staging": 2, "Production": 3}
    latest = client.get_latest_versions(name)
    assert sorted(int(version.version) for version in latest) == [1, 2, 3]


def test_the_alias_leads_to_its_version(promoted, client, name):
    assert int(client.get_model_version_by_alias(name, "champion").version) == 3
    aliases = client.get_registered_model(name).aliases
    assert {alias: int(version) for alias, version in aliases.items()} == {"champion": 3}
    assert client.get_model_version(name, "3").aliases == ["champion"]


@pytest.mark.parametrize("place", ["/Production", "@champion", "/3", "/latest"])
def test_the_promoted_model_predicts_as_trained(promoted, trained, name, place):
    loaded = mlflow.pyfunc.load_model(f"models:/{name}{place}")
    np.testing.assert_array_equal(loaded.predict(X_TEST), trained[2][1].predict(X_TEST))


def test_each_version_is_the_model_of_its_run(promoted, trained, name):
    for number, (run_id, model, _) in enumerate(trained, start=1):
        expected = model.predict_proba(X_TEST)
        for uri in [f"models:/{name}/{number}", f"runs:/{run_id}/model"]:
            np.testing.assert_array_equal(mlflow.sklearn.load_model(uri).predict_proba(X_TEST), expected)


def test_the_version_knows_its_signature_and_example(promoted, name):
    model = mlflow.models.Model.load(f"models:/{name}/3")
    assert model.signature.inputs.input_names() == list(X.columns)
    assert mlflow.models.get_model_info(f"models:/{name}@champion").signature == model.signature
    path = mlflow.artifacts.download_artifacts(f"models:/{name}/3")
    np.testing.assert_array_equal(model.load_input_example(path), X_TEST[:3])


def test_the_download_uri_is_where_the_copied_bytes_lie(promoted, client, name):
    uri = client.get_model_version_download_uri(name, "3")
    assert uri.startswith(f"{ROOT}/.tabularium/pinned/")
    files = mlflow.artifacts.list_artifacts(uri)
    assert "MLmodel" in {file.path.split("/")[-1] for file in files}


def test_search_finds_models_and_versions(promoted, trained, client, name):
    assert [model.name for model in client.search_registered_models(f"name = '{name}'")] == [name]
    assert name in {model.name for model in client.search_registered_models(f"name ILIKE '{name[:-3].upper()}%'")}
    found = client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
    assert [int(version.version) for version in found] == [1, 2, 3]
    found = client.search_model_versions(f"run_id = '{trained[1][0]}'")
    assert [(version.name, int(version.version)) for version in found] == [(name, 2)]
    latest = client.search_registered_models(f"name = '{name}'")[0].latest_versions
    assert {version.current_stage: int(version.version) for version in latest} == {
        "Archived": 1,
        "Staging": 2,
        "Production": 3,
    }


def test_a_copy_serves_the_same_model(promoted, trained, client, unique, name):
    target = unique("fraud-detector-prod")
    copy = client.copy_model_version(f"models:/{name}@champion", target)
    assert (copy.name, int(copy.version), copy.run_id) == (target, 1, trained[2][0])
    assert copy.source == f"models:/{name}/3"
    origin = client.get_model_version_download_uri(name, "3")
    assert client.get_model_version_download_uri(target, "1") == origin
    loaded = mlflow.pyfunc.load_model(f"models:/{target}/1")
    np.testing.assert_array_equal(loaded.predict(X_TEST), trained[2][1].predict(X_TEST))


def test_log_model_registers_at_once(experiment, client, unique):
    target = unique("registered-at-once")
    with mlflow.start_run() as run:
        model = LogisticRegression(max_iter=5000).fit(X_TRAIN, Y_TRAIN)
        mlflow.sklearn.log_model(
            model, registered_model_name=target, pip_requirements=["scikit-learn"], **at("classifier")
        )
    version = client.get_model_version(target, "1")
    assert (version.status, version.run_id) == ("READY", run.info.run_id)
    loaded = mlflow.sklearn.load_model(f"models:/{target}/1")
    np.testing.assert_array_equal(loaded.predict(X_TEST), model.predict(X_TEST))


def test_a_model_that_is_not_there_cannot_be_loaded(promoted, name):
    with pytest.raises(MlflowException, match="not found"):
        mlflow.pyfunc.load_model(f"models:/{name}/99")
    with pytest.raises(MlflowException, match="alias"):
        mlflow.pyfunc.load_model(f"models:/{name}@nobody")
