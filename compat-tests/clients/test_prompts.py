"""Prompts, which the registry keeps as models that the searches for models do not show."""

import mlflow
import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def prompt(unique):
    name = unique("greeting")
    mlflow.genai.register_prompt(name, "Hello {{who}}", commit_message="First", tags={"lang": "en"})
    mlflow.genai.register_prompt(name, "Good day, {{who}}!", commit_message="Politer")
    mlflow.genai.set_prompt_alias(name, alias="live", version=2)
    return name


def test_a_prompt_loads_by_version_and_alias(prompt):
    assert mlflow.genai.load_prompt(f"prompts:/{prompt}/1").format(who="Ada") == "Hello Ada"
    live = mlflow.genai.load_prompt(f"prompts:/{prompt}@live")
    assert (live.version, live.template, live.commit_message) == (2, "Good day, {{who}}!", "Politer")
    assert live.variables == {"who"}


def test_prompts_and_models_are_searched_apart(prompt, client):
    assert [found.name for found in mlflow.genai.search_prompts(f"name = '{prompt}'")] == [prompt]
    assert list(client.search_registered_models(f"name = '{prompt}'")) == []
    assert list(client.search_model_versions(f"name = '{prompt}'")) == []
    hidden = f"name = '{prompt}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    assert [found.name for found in client.search_registered_models(hidden)] == [prompt]


def test_a_prompt_is_not_a_model(prompt, client):
    with pytest.raises(MlflowException):
        client.get_registered_model(prompt)


def test_a_model_is_not_a_prompt(model_name):
    with pytest.raises(MlflowException):
        mlflow.genai.register_prompt(model_name, "Hello")


def test_an_alias_and_a_version_go(unique, client):
    name = unique("farewell")
    mlflow.genai.register_prompt(name, "Bye")
    mlflow.genai.set_prompt_alias(name, "live", 1)
    mlflow.genai.delete_prompt_alias(name, "live")
    with pytest.raises(MlflowException):
        mlflow.genai.load_prompt(f"prompts:/{name}@live", allow_missing=False)
    client.delete_prompt_version(name, "1")
    assert mlflow.genai.load_prompt(f"prompts:/{name}/1", allow_missing=True) is None
