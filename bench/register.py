"""Wall time of `mlflow.register_model("runs:/…")`: register.py ROUNDS URL…

Registers a model of a run by each server in turn, and takes it away again. Prints a JSON list with a list for each
server: the seconds of each round but the first, which loads what the client needs.
"""

import json
import os
import sys
import tempfile
import time

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

import mlflow

rounds, urls = int(sys.argv[1]), sys.argv[2:]
seconds = [[] for _ in urls]

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "MLmodel")
    with open(path, "w") as file:
        file.write("flavors:\n  python_function:\n    loader_module: none\n")
    for turn in range(rounds + 1):
        for url, mine in zip(urls, seconds):
            mlflow.set_tracking_uri(url)
            client = mlflow.MlflowClient(url)
            with mlflow.start_run() as run:
                mlflow.log_artifact(path, "model")
            name = f"bench-register-{turn}"
            begin = time.perf_counter()
            mlflow.register_model(f"runs:/{run.info.run_id}/model", name)
            if turn > 0:
                mine.append(time.perf_counter() - begin)
            client.delete_registered_model(name)

# What the client itself prints goes before.
print("\nRESULT " + json.dumps(seconds))
