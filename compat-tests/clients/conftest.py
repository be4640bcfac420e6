"""What all the tests of the Python clients share. Each speaks to the server at MLFLOW_TRACKING_URI, whichever it is."""

import os
import uuid

# Before mlflow is imported. A 5xx is to fail a test at once, not after the minutes that the client tries again.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"

import mlflow  # noqa: E402
import pytest  # noqa: E402
from mlflow import MlflowClient  # noqa: E402

MAJOR = int(mlflow.__version__.split(".")[0])

# Logged models and prompts came with MLflow 3.
collect_ignore = ["test_logged_models.py", "test_prompts.py"] if MAJOR < 3 else []
# How to collect the garbage of the server, as a list in JSON; only who started it knows.
if "TABULARIUM_GC" not in os.environ:
    collect_ignore.append("test_gc.py")

# Where the server puts artifacts, unless they go through itself.
ROOT = os.environ.get("TABULARIUM_ARTIFACT_ROOT", "mlflow-artifacts:")

SUFFIX = uuid.uuid4().hex[:8]


def pytest_report_header():
    return f"mlflow {mlflow.__version__} against {os.environ['MLFLOW_TRACKING_URI']}"


@pytest.fixture(scope="session")
def unique():
    """Makes a name that no other session has used, so that the tests run on any server, again and again."""
    return lambda name: f"{name}-{SUFFIX}"


@pytest.fixture(scope="session")
def client():
    return MlflowClient()


@pytest.fixture(scope="module")
def experiment(request, unique):
    """The experiment of one file of tests, chosen as the current one."""
    return mlflow.set_experiment(unique(request.module.__name__))


@pytest.fixture(autouse=True)
def no_open_run():
    """A test that fails within a run takes no other along."""
    yield
    mlflow.end_run()


@pytest.fixture
def model_name(request, unique, client):
    """The name of a registered model that is there and empty, for one test."""
    name = unique(request.node.name)
    client.create_registered_model(name)
    return name


def at(parameter):
    """The place of a model in its run, by the parameter of `log_model` that the client calls it."""
    return {"name" if MAJOR >= 3 else "artifact_path": parameter}
