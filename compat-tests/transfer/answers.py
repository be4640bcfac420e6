"""Prints, as JSON, what MLflow's Python client reads of all that is copied, from a server or from a store."""

import json
import os
import sys

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import ViewType  # noqa: E402

MAJOR = int(mlflow.__version__.split(".")[0])
client = MlflowClient(tracking_uri=sys.argv[1], registry_uri=sys.argv[1])


def plain(thing):
    """Entities to dictionaries; NaN and infinities to text, and nothing to an empty text."""
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in sorted(thing.items())}
    if isinstance(thing, (list, tuple)):
        return [plain(one) for one in thing]
    if isinstance(thing, float):
        return repr(thing)
    if thing is None or isinstance(thing, (str, int)):
        return thing or ""
    if hasattr(thing, "to_proto") or hasattr(thing, "__dict__"):
        return plain({key.lstrip("_"): value for key, value in vars(thing).items()})
    return str(thing)


def pages(search, **arguments):
    found, token = [], None
    while True:
        page = search(page_token=token, **arguments)
        found += page
        token = page.token
        if not token:
            return found


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
    for key in run.data.metrics:
        answers[f"history {id} {key}"] = client.get_metric_history(id, key)

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
    key = (version.name, version.version)
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

json.dump({name: plain(answer) for name, answer in answers.items()}, sys.stdout, indent=1, sort_keys=True)
