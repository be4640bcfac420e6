"""MLflow's client for the tests: each line of input is an expression, each line of output its value as JSON."""

import json
import os
import sys

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
# A 5xx is to fail a test at once.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402

mlflow.set_tracking_uri(sys.argv[1])
names = {"mlflow": mlflow, "client": MlflowClient()}
answers, sys.stdout = sys.stdout, sys.stderr

for line in sys.stdin:
    try:
        answer = {"value": eval(json.loads(line), names)}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), file=answers, flush=True)
