"""Experiments and runs, as far as registered models need them."""

import math

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException


def test_an_experiment_lives_and_dies(client, unique):
    name = unique("life")
    experiment_id = client.create_experiment(name, tags={"owner": "me"})
    experiment = client.get_experiment_by_name(name)
    assert (experiment.experiment_id, experiment.tags) == (experiment_id, {"owner": "me"})
    assert experiment.artifact_location == f"mlflow-artifacts:/{experiment_id}"
    client.set_experiment_tag(experiment_id, "phase", "two")
    client.rename_experiment(experiment_id, f"{name}-renamed")
    found = client.search_experiments(filter_string=f"name = '{name}-renamed' AND tags.phase = 'two'")
    assert [one.experiment_id for one in found] == [experiment_id]

    client.delete_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
    deleted = client.search_experiments(ViewType.DELETED_ONLY, filter_string=f"name = '{name}-renamed'")
    assert [one.experiment_id for one in deleted] == [experiment_id]
    client.restore_experiment(experiment_id)
    assert client.get_experiment(experiment_id).lifecycle_stage == "active"

    with pytest.raises(RestException) as caught:
        client.create_experiment(f"{name}-renamed")
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"


def test_the_default_experiment_is_there(client):
    assert client.get_experiment("0").name == "Default"


def test_an_experiment_that_is_not_there_is_none(client, unique):
    assert client.get_experiment_by_name(unique("nowhere")) is None


def test_metric_history_keeps_every_point(client, experiment):
    with mlflow.start_run() as run:
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("loss", 0.5, step=2)
        for value in [math.nan, math.inf, -math.inf]:
            mlflow.log_metric("odd", value)
    history = client.get_metric_history(run.info.run_id, "loss")
    points = [(0, 1.0), (1, 1 / 2), (2, 1 / 3), (2, 0.5), (3, 1 / 4), (4, 1 / 5)]
    assert sorted((m.step, m.value) for m in history) == sorted(points)
    assert client.get_run(run.info.run_id).data.metrics["loss"] == 1 / 5
    values = [m.value for m in client.get_metric_history(run.info.run_id, "odd")]
    assert len(values) == 3
    assert client.get_metric_history(run.info.run_id, "absent") == []


def test_a_batch_is_logged_whole(client, experiment):
    run = client.create_run(experiment.experiment_id, tags={"made": "by hand"})
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(f"m{i % 50}", float(i), 1_700_000_000_000 + i, i) for i in range(900)],
        params=[Param(f"p{i}", "x" * i) for i in range(90)],
        tags=[RunTag("from", "batch")],
    )
    data = client.get_run(run.info.run_id).data
    assert len(data.metrics) == 50 and data.metrics["m49"] == 899.0
    assert len(data.params) == 90 and data.params["p89"] == "x" * 89
    assert data.tags["from"] == "batch" and data.tags["made"] == "by hand"
    assert len(client.get_metric_history(run.info.run_id, "m0")) == 18


def test_a_param_is_written_once(client, experiment):
    run_id = client.create_run(experiment.experiment_id).info.run_id
    client.log_param(run_id, "C", 1)
    client.log_param(run_id, "C", 1)
    with pytest.raises(MlflowException) as caught:
        client.log_param(run_id, "C", 2)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run_id).data.params == {"C": "1"}


def test_tags_and_state_of_a_run_change(client, experiment):
    run_id = client.create_run(experiment.experiment_id, run_name="before").info.run_id
    client.set_tag(run_id, "k", "v")
    client.set_tag(run_id, "k", "w")
    client.set_tag(run_id, "gone", "soon")
    client.delete_tag(run_id, "gone")
    client.update_run(run_id, status="FAILED", name="after")
    run = client.get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FAILED", "after")
    assert run.data.tags["k"] == "w" and "gone" not in run.data.tags
    client.set_terminated(run_id, status="KILLED", end_time=1_800_000_000_000)
    assert client.get_run(run_id).info.end_time == 1_800_000_000_000


def test_a_run_that_raises_has_failed(client, experiment):
    with pytest.raises(ZeroDivisionError):
        with mlflow.start_run() as run:
            1 / 0
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_nested_runs_and_parents(client, experiment):
    with mlflow.start_run() as parent:
        with mlflow.start_run(nested=True) as child:
            pass
    assert client.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id
    found = client.search_runs([experiment.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert [run.info.run_id for run in found] == [child.info.run_id]


def test_a_deleted_run_comes_back(client, experiment):
    run_id = client.create_run(experiment.experiment_id, tags={"mark": "deleted"}).info.run_id
    ids = [experiment.experiment_id]

    def found(view):
        return [run.info.run_id for run in client.search_runs(ids, "tags.mark = 'deleted'", run_view_type=view)]

    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert (found(ViewType.ACTIVE_ONLY), found(ViewType.DELETED_ONLY)) == ([], [run_id])
    with pytest.raises(MlflowException):
        client.log_metric(run_id, "late", 1)
    client.restore_run(run_id)
    assert (found(ViewType.ACTIVE_ONLY), found(ViewType.DELETED_ONLY)) == ([run_id], [])


@pytest.fixture(scope="module")
def searched(client, unique):
    """Six runs in an experiment of their own: accuracy 0.0 to 0.5, in two families, one without a metric."""
    experiment_id = client.create_experiment(unique("searched-runs"))
    for i in range(6):
        run_id = client.create_run(experiment_id, run_name=f"run-{i}", start_time=1_700_000_000_000 + i).info.run_id
        client.log_param(run_id, "family", "tree" if i % 2 == 0 else "linear")
        client.set_tag(run_id, "index", str(i))
        if i != 5:
            client.log_metric(run_id, "accuracy", i / 10)
        client.set_terminated(run_id, "FINISHED" if i < 4 else "FAILED")
    return experiment_id


@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("", "543210"),
        ("metrics.accuracy >= 0.2", "432"),
        ("metrics.accuracy < 0.3 AND params.family = 'tree'", "20"),
        ("params.family != 'tree'", "531"),
        ("params.family LIKE 'lin%' AND attributes.status = 'FINISHED'", "31"),
        ("attributes.run_name ILIKE 'RUN-%' AND tags.index = '4'", "4"),
        ("tag.`index` != '0' AND metric.accuracy = 0.1", "1"),
        ("attributes.start_time > 1700000000003", "54"),
        ("attributes.status = 'FAILED' and metrics.`accuracy` > 0", "4"),
    ],
)
def test_search_runs_by_filter(client, searched, filter_string, expected):
    found = client.search_runs([searched], filter_string)
    assert "".join(run.data.tags["index"] for run in found) == expected


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (["metrics.accuracy DESC"], "432105"),
        (["metrics.accuracy ASC"], "012345"),
        (["params.family ASC", "metrics.accuracy DESC"], "315420"),
        (["attributes.start_time ASC"], "012345"),
        (["tags.index DESC"], "543210"),
    ],
)
def test_search_runs_in_order(client, searched, order_by, expected):
    found = client.search_runs([searched], order_by=order_by)
    assert "".join(run.data.tags["index"] for run in found) == expected


def test_search_runs_by_page(client, searched):
    seen, token = [], None
    while True:
        page = client.search_runs([searched], order_by=["metrics.accuracy DESC"], max_results=4, page_token=token)
        seen.append("".join(run.data.tags["index"] for run in page))
        token = page.token
        if not token:
            break
    assert seen == ["4321", "05"]


def test_search_runs_as_a_data_frame(searched):
    frame = mlflow.search_runs([searched], "metrics.accuracy > 0.2", order_by=["metrics.accuracy ASC"])
    assert list(frame["metrics.accuracy"]) == [0.3, 0.4]
    assert list(frame["params.family"]) == ["linear", "tree"]


def test_a_broken_search_of_runs_is_said_to_be_broken(client, searched):
    for broken in ["metrics.accuracy >", "nonsense.x = 1", "params.family > 'a' OR 1 = 1"]:
        with pytest.raises(MlflowException) as caught:
            client.search_runs([searched], broken)
        assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_dataset_is_noted_as_input(client, experiment):
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="tiny", targets="y"), context="training")
    (entry,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.source_type) == ("tiny", "code")
    assert {tag.key: tag.value for tag in entry.tags} == {"mlflow.data.context": "training"}
    found = client.search_runs([experiment.experiment_id], "datasets.name = 'tiny'")
    assert [one.info.run_id for one in found] == [run.info.run_id]


def test_autologging_notes_a_fit(client, experiment):
    from sklearn.datasets import load_iris
    from sklearn.tree import DecisionTreeClassifier

    X, y = load_iris(return_X_y=True, as_frame=True)
    mlflow.sklearn.autolog(log_models=False)
    try:
        with mlflow.start_run() as run:
            DecisionTreeClassifier(max_depth=2).fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["max_depth"] == "2"
    assert got.data.metrics["training_accuracy_score"] > 0.9
    assert got.inputs.dataset_inputs
    assert "estimator.html" in {file.path for file in client.list_artifacts(run.info.run_id)}
