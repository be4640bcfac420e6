"""Prints, as JSON, what MLflow's Python client reads of all that is copied, from a server or from a store."""

import json
import os
import sys
import warnings
from enum import Enum

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

warnings.simplefilter("ignore", FutureWarning)

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import ViewType  # noqa: E402

MAJOR = int(mlflow.__version__.split(".")[0])


def plain(thing):
    """Lists, dictionaries and texts. A store gives numbers where a server gives texts, and None where one gives "" or
    the zero of an enumeration."""
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in sorted(thing.items())}
    if isinstance(thing, tuple) and thing[0] in ("model_inputs", "model_outputs"):
        # MLflow has them in the order of any index.
        return [thing[0], sorted(plain(thing[1]))]
    if not isinstance(thing, str) and (hasattr(thing, "__iter__") or hasattr(thing, "__getitem__")):
        return [plain(one) for one in thing]
    if hasattr(thing, "__dict__") and not isinstance(thing, (type, Enum)):
        return plain({key.lstrip("_"): value for key, value in vars(thing).items()})
    return "" if thing is None or str(thing).endswith("_UNSPECIFIED") else str(thing)


def pages(search, **arguments):
    found, token = [], None
    while True:
        page = search(page_token=token, **arguments)
        found += page
        token = page.token
        if not token:
            return found


def print_answers(client):
    experiments = pages(client.search_experiments, view_type=ViewType.ALL, order_by=["experiment_id ASC"], max_results=2)
    ids = [experiment.experiment_id for experiment in experiments]
    answers = {"experiments": experiments}
    # Unordered, experiments of one moment come in any order.
    answers["experiments by name"] = client.search_experiments(filter_string="tags.team = 'fraud'")
    for id in ids:
        answers[f"experiment {id}"] = client.get_experiment(id)
    runs = pages(client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=17)
    answers["runs"] = runs
    for name, filter, order in [
        ("metric", "metrics.m6 > 0.3 and params.lr != '0.0'", ["metrics.tied DESC", "attributes.run_id"]),
        ("tag", "tags.k = 'v1' and attributes.status != 'RUNNING'", ["attributes.start_time ASC", "attributes.run_id"]),
        ("nan", "", ["metrics.m0", "metrics.m1", "attributes.run_id"]),
        ("dataset", "dataset.name = 'set 1'", ["attributes.run_id"]),
    ]:
        answers[f"runs by {name}"] = [run.info.run_id for run in client.search_runs(ids, filter, order_by=order)]
    for run in runs:
        id = run.info.run_id
        answers[f"run {id}"] = client.get_run(id)
        # One run of three, and the one with the long history.
        for key in run.data.metrics if "loss" in run.data.metrics or len(answers) % 3 == 0 else []:
            answers[f"history {id} {key}"] = [
                f"{point.value} {point.timestamp} {point.step}" for point in client.get_metric_history(id, key)
            ]

    models = pages(client.search_registered_models, max_results=5)
    answers["models"] = models
    answers["models by tag"] = client.search_registered_models("tags.team = 'fraud'", order_by=["name DESC"])
    answers["versions"] = pages(client.search_model_versions, max_results=3, order_by=["name ASC", "version_number ASC"])
    for model in models:
        answers[f"model {model.name}"] = client.get_registered_model(model.name)
        answers[f"latest {model.name}"] = client.get_latest_versions(model.name)
        for alias in model.aliases:
            answers[f"alias {model.name} {alias}"] = client.get_model_version_by_alias(model.name, alias)
    for version in answers["versions"]:
        key = (version.name, str(version.version))
        answers[f"version {key}"] = client.get_model_version(*key)
        answers[f"download {key}"] = client.get_model_version_download_uri(*key)

    if MAJOR >= 3:
        logged = pages(client.search_logged_models, experiment_ids=ids, max_results=4)
        answers["logged models"] = logged
        answers["logged models by metric"] = [
            model.model_id
            for model in client.search_logged_models(ids, "metrics.score = 0.5 and tags.t != '3'",
                                                     order_by=[{"field_name": "name"}])
        ]
        for model in logged:
            answers[f"logged model {model.model_id}"] = client.get_logged_model(model.model_id)
        answers["prompts"] = client.search_prompts()
        for version in (1, 2):
            answers[f"prompt {version}"] = client.get_prompt_version("greeting", version)

        datasets = pages(client.search_datasets, max_results=2)
        answers["evaluation datasets"] = [dataset.dataset_id for dataset in datasets]
        for name, experiment_ids, filter in [
            ("experiment", ["0"], None),
            ("tag", None, "tags.team = 'fraud'"),
            ("name", None, "name LIKE '%Ümlaut%' AND created_time > 0"),
        ]:
            found = client.search_datasets(experiment_ids, filter, order_by=["name ASC"])
            answers[f"evaluation datasets by {name}"] = [dataset.name for dataset in found]
        store = client._tracking_client.store
        for dataset in datasets:
            one = client.get_dataset(dataset.dataset_id)
            # MLflow has the experiments in any order.
            one.experiment_ids = sorted(store.get_dataset_experiment_ids(one.dataset_id))
            one._records, token = store._load_dataset_records(one.dataset_id, max_results=50)
            while token:
                more, token = store._load_dataset_records(one.dataset_id, max_results=50, page_token=token)
                one._records += more
            answers[f"evaluation dataset {one.name}"] = one.to_dict()
    json.dump({name: plain(answer) for name, answer in answers.items()}, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    print_answers(MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1]))
