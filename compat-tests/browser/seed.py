"""Fills a server with what the browser looks at: `python seed.py TRACKING_URI` prints the ids as JSON."""

import json
import os
import sys
import time
import warnings

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import Metric, Param, RunTag  # noqa: E402

warnings.simplefilter("ignore")
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()

POINTS = 20
FRAME = pd.DataFrame({"amount": [12.5, 99.0, 3.2], "fraud": [0.0, 1.0, 0.0]})


def series(key, seed):
    """A metric that falls from step to step, as a loss does."""
    now = int(time.time() * 1000) - POINTS * 1000
    values = np.exp(-np.arange(POINTS) / (4 + seed)) + np.random.default_rng(seed).normal(0, 0.02, POINTS)
    return [Metric(key, float(value), now + step * 1000, step) for step, value in enumerate(values)]


def seed_training():
    experiment = client.create_experiment("fraud", tags={"mlflow.note.content": "Which transfers are **fraud**?", "team": "risk"})
    mlflow.set_experiment(experiment_id=experiment)
    dataset = mlflow.data.from_pandas(FRAME, source="https://example.org/transfers.csv", name="transfers", targets="fraud")
    runs = []
    for i in range(6):
        with mlflow.start_run(run_name=f"forest-{i}", description=f"Try number {i}" if i % 2 else None) as run:
            runs.append(run.info.run_id)
            mlflow.log_input(dataset, context="training")
            mlflow.log_table({"question": ["a", "b"], "answer": [f"c{i}", f"d{i}"]}, "table.json")
            client.log_batch(
                run.info.run_id,
                [*series("loss", i), *series("val_loss", i + 3), Metric("accuracy", 0.9 + i / 100, int(time.time() * 1000), 0)],
                [Param("depth", str(3 + i % 3)), Param("trees", str(100 * (i + 1))), Param("criterion", "gini")],
                [RunTag("team", "risk"), RunTag("reviewed", "yes" if i else "no")],
            )
    with mlflow.start_run(run_id=runs[0]):
        with mlflow.start_run(run_name="fold-1", nested=True):
            mlflow.log_metric("accuracy", 0.87)
        mlflow.log_image(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8), key="sample", step=0)
    client.log_batch(runs[0], metrics=[Metric("system/cpu_utilization_percentage", 50.0 + i, 1700000000000 + i * 1000, i) for i in range(5)])
    return experiment, runs


def log_model():
    return mlflow.pyfunc.log_model(
        name="model",
        python_model=lambda model_input: model_input,
        signature=mlflow.models.infer_signature(FRAME[["amount"]], FRAME["fraud"]),
        pip_requirements=["scikit-learn==1.7.2"],
        params={"depth": 3},
    )


def seed_model(runs):
    model_ids = []
    for run_id, stage in zip(runs[:4], ["Archived", "Production", "Staging", None]):
        with mlflow.start_run(run_id=run_id):
            logged = log_model()
            mlflow.log_metric("auc", 0.9, model_id=logged.model_id)
        model_ids.append(logged.model_id)
        version = mlflow.register_model(logged.model_uri, "fraud-clf", tags={"reviewed": "yes"})
        client.update_model_version("fraud-clf", version.version, f"Version **{version.version}** of the model")
        if stage:
            client.transition_model_version_stage("fraud-clf", version.version, stage)
    client.update_registered_model("fraud-clf", "Flags *transfers* for review")
    client.set_registered_model_tag("fraud-clf", "domain", "payments")
    client.set_registered_model_alias("fraud-clf", "champion", "2")
    client.create_registered_model("empty-model")
    return model_ids


def seed_edited():
    """What the tests change."""
    experiment = client.create_experiment("edited", tags={"mlflow.note.content": "What?"})
    mlflow.set_experiment(experiment_id=experiment)
    runs, models = [], []
    for i in range(3):
        with mlflow.start_run(run_name=f"try-{i}") as run:
            runs.append(run.info.run_id)
            mlflow.log_param("depth", i)
            models.append(log_model())
    client.create_registered_model("edited")
    for _ in range(3):
        client.create_model_version("edited", models[0].model_uri, runs[0], model_id=models[0].model_id)
    return {"experiment": experiment, "runs": runs, "model": models[1].model_id}


def script(place):
    """JavaScript that marks its frame and, where it may, the page around it, and that calls the server."""
    return f"self.marked=`{place}`;try{{top.marked=`{place}`}}catch{{}};fetch(`/marked?{place}`)"


def hostile(place):
    """Text that would run a script if it were taken for HTML, or for Markdown that nobody cleans."""
    mark = script(place)
    return (
        f"{place} <script>{mark}</script><img src=x onerror='{mark}'><svg onload='{mark}'></svg>"
        f"<iframe srcdoc=\"<script>{mark}</script>\"></iframe><a href='javascript:{mark}'>link</a>\n\n"
        f"[link](javascript:{mark}) ![x](x' onerror='{mark}) <details open ontoggle='{mark}'>{place}</details>"
    )


def hostile_files():
    """Texts of files by their paths, each of a kind that the UI shows in a way of its own."""
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": [hostile("output")]}}
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": [hostile("code")], "outputs": [output]}
    markdown = {"cell_type": "markdown", "metadata": {}, "source": [hostile("markdown")]}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [markdown, code]}
    feature = {
        "type": "Feature",
        "properties": {"popupContent": hostile("geojson")},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    return {
        "page.html": f"<!doctype html><title>x</title><h1>Page</h1>{hostile('html')}",
        "picture.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload='{script('svg')}'><script>{script('svg')}</script></svg>",
        "notes.md": hostile("md"),
        "book.ipynb": json.dumps(notebook),
        "tags.yaml": f"a: !!js/function 'function() {{ {script('yaml')} }}'\nb: !!python/object/apply:os.system ['true']\n",
        "data.json": json.dumps({"text": hostile("json")}),
        "table.csv": 'text,number\n"' + hostile("csv").replace('"', '""') + '",1\n',
        "map.geojson": json.dumps(feature),
        "feed.xml": f"<x xmlns:h='http://www.w3.org/1999/xhtml'><h:script>{script('xml')}</h:script></x>",
        "log.txt": hostile("txt"),
        "<img src=x onerror=top.marked=`file`>.txt": "text",
    }


def seed_hostile():
    # Names may hold neither a slash nor a colon.
    name = "<img src=x onerror=top.marked=`name`>"
    tags = {"tag": hostile("tag")}
    experiment = client.create_experiment(name, tags={**tags, "mlflow.note.content": hostile("experiment")})
    mlflow.set_experiment(experiment_id=experiment)
    dataset = mlflow.data.from_pandas(FRAME, source="https://example.org", name=f"<img src=x onerror='{script('dataset')}'>")
    runs, files = [], hostile_files()
    for _ in range(2):
        with mlflow.start_run(run_name=name, description=hostile("run")) as run:
            runs.append(run.info.run_id)
            mlflow.log_input(dataset)
            mlflow.log_param("text", hostile("param"))
            mlflow.log_metric("auc", 0.5)
            mlflow.set_tags({**tags, "mlflow.user": hostile("user"), "mlflow.source.name": hostile("source")})
            mlflow.log_table({"text": [hostile("table")]}, "table.json")
            for path, text in files.items():
                mlflow.log_text(text, path)
            model = log_model()
            client.set_logged_model_tags(model.model_id, {**tags, "mlflow.note.content": hostile("logged")})
    client.create_registered_model(name, tags, hostile("model"))
    for run_id in runs:
        client.create_model_version(name, model.model_uri, run_id, tags, description=hostile("version"), model_id=model.model_id)
    mlflow.genai.register_prompt("hostile", hostile("prompt"), commit_message=hostile("commit"), tags=tags)
    return {
        "experiment": experiment,
        "runs": runs,
        "model": model.model_id,
        "name": name,
        "files": [*files, "table.json"],
    }


def seed_prompts():
    for text in ["Hello {{who}}", "Good day, {{who}}!", "Dear {{who}}, how are you?"]:
        mlflow.genai.register_prompt("greeting", text, commit_message="Politer", tags={"lang": "en"})
    mlflow.genai.set_prompt_alias("greeting", "live", 2)
    mlflow.genai.register_prompt(
        "chat",
        [{"role": "system", "content": "You are {{style}}."}, {"role": "user", "content": "{{question}}"}],
    )


experiment, runs = seed_training()
model_ids = seed_model(runs)
seed_prompts()
print(
    json.dumps(
        {
            "experiment": experiment,
            "runs": runs,
            "models": model_ids,
            "edited": seed_edited(),
            "hostile": seed_hostile(),
        }
    )
)
