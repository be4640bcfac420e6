"""The registry by itself: versions that only point to a place, without a run or bytes behind them."""

import pytest
from mlflow.exceptions import MlflowException, RestException


def add_versions(client, name, count):
    for number in range(1, count + 1):
        client.create_model_version(name, source=f"s3://models/{name}/{number}")


def numbers(versions):
    return [int(version.version) for version in versions]


def test_create_get_update_delete_a_model(client, unique):
    name = unique("create-get-update-delete")
    created = client.create_registered_model(name, tags={"a": "1", "b": "zwei"}, description="Before")
    assert (created.name, created.description, created.tags) == (name, "Before", {"a": "1", "b": "zwei"})
    updated = client.update_registered_model(name, description="After")
    assert updated.description == "After"
    assert updated.last_updated_timestamp >= created.creation_timestamp
    client.delete_registered_model(name)
    with pytest.raises(RestException) as caught:
        client.get_registered_model(name)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_name_is_given_once(client, model_name):
    with pytest.raises(RestException) as caught:
        client.create_registered_model(model_name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.parametrize("name", ["", "with/slash", "with:colon"])
def test_names_that_a_model_uri_cannot_hold_are_refused(client, name):
    with pytest.raises(MlflowException) as caught:
        client.create_registered_model(name)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("name", ["with space", "it's", 'quote"', "Ümläut 模型 🦊", "per%cent", "a.b_c-d+e"])
def test_names_of_any_other_kind_are_kept(client, unique, name):
    name = unique(name)
    client.create_registered_model(name)
    add_versions(client, name, 1)
    client.set_registered_model_alias(name, "champion", "1")
    assert client.get_registered_model(name).name == name
    assert numbers([client.get_model_version_by_alias(name, "champion")]) == [1]
    client.delete_registered_model(name)


def test_rename_takes_versions_tags_and_aliases_along(client, model_name):
    add_versions(client, model_name, 2)
    client.set_registered_model_tag(model_name, "kept", "yes")
    client.set_registered_model_alias(model_name, "champion", "2")
    client.rename_registered_model(model_name, f"{model_name}-renamed")
    renamed = client.get_registered_model(f"{model_name}-renamed")
    assert numbers([client.get_model_version_by_alias(renamed.name, "champion")]) == [2]
    assert renamed.tags == {"kept": "yes"}
    assert client.get_model_version(renamed.name, "1").source == f"s3://models/{model_name}/1"
    with pytest.raises(RestException) as caught:
        client.get_registered_model(model_name)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_create_a_version_with_all_that_it_can_have(client, model_name):
    version = client.create_model_version(
        model_name,
        source="s3://models/detailed",
        run_link="https://ci.example/17",
        tags={"k": "v", "empty": ""},
        description="By hand",
    )
    got = client.get_model_version(model_name, version.version)
    assert (got.source, got.run_link, got.description) == ("s3://models/detailed", "https://ci.example/17", "By hand")
    assert got.tags == {"k": "v", "empty": ""}
    assert got.run_id in (None, "")


def test_a_deleted_version_is_gone_and_the_rest_stay(client, model_name):
    add_versions(client, model_name, 3)
    client.set_registered_model_alias(model_name, "old", "2")
    client.delete_model_version(model_name, "2")
    assert sorted(numbers(client.search_model_versions(f"name = '{model_name}'"))) == [1, 3]
    with pytest.raises(RestException) as caught:
        client.get_model_version(model_name, "2")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_registered_model(model_name).aliases == {}
    assert numbers([client.create_model_version(model_name, "s3://models/4")]) == [4]


def test_a_deleted_model_takes_its_versions_along(client, model_name):
    add_versions(client, model_name, 2)
    client.delete_registered_model(model_name)
    assert client.search_model_versions(f"name = '{model_name}'") == []
    client.create_registered_model(model_name)
    add_versions(client, model_name, 1)
    assert numbers(client.search_model_versions(f"name = '{model_name}'")) == [1]


def test_stages(client, model_name):
    add_versions(client, model_name, 3)
    moved = client.transition_model_version_stage(model_name, "1", "PRODUCTION")
    assert moved.current_stage == "Production"
    client.transition_model_version_stage(model_name, "2", "Production")
    assert len(client.search_model_versions(f"name = '{model_name}'")) == 3
    assert numbers(client.get_latest_versions(model_name, ["Production"])) == [2]
    client.transition_model_version_stage(model_name, "3", "Production", archive_existing_versions=True)
    assert [client.get_model_version(model_name, n).current_stage for n in "123"] == [
        "Archived",
        "Archived",
        "Production",
    ]
    with pytest.raises(MlflowException) as caught:
        client.transition_model_version_stage(model_name, "1", "Shelf")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"


def test_aliases_move_and_go(client, model_name):
    add_versions(client, model_name, 2)
    client.set_registered_model_alias(model_name, "champion", "1")
    client.set_registered_model_alias(model_name, "backup", "1")
    client.set_registered_model_alias(model_name, "champion", "2")
    assert {alias: int(number) for alias, number in client.get_registered_model(model_name).aliases.items()} == {
        "champion": 2,
        "backup": 1,
    }
    client.delete_registered_model_alias(model_name, "champion")
    with pytest.raises(RestException) as caught:
        client.get_model_version_by_alias(model_name, "champion")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    for reserved in ["latest", "v1"]:
        with pytest.raises(MlflowException, match="reserved"):
            client.set_registered_model_alias(model_name, reserved, "1")


def test_search_models_by_tag_order_and_page(client, unique):
    base = unique("searched")
    for i in range(5):
        client.create_registered_model(f"{base}-{i}", tags={"parity": "even" if i % 2 == 0 else "odd", "i": str(i)})

    def names(filter_string, **options):
        found = client.search_registered_models(f"name LIKE '{base}-%'{filter_string}", **options)
        return [model.name[-1] for model in found]

    assert names("") == ["0", "1", "2", "3", "4"]
    assert names("", order_by=["name DESC"]) == ["4", "3", "2", "1", "0"]
    assert names(" AND tags.parity = 'even'") == ["0", "2", "4"]
    assert names(" AND tags.parity = 'even' AND tags.i != '2'") == ["0", "4"]
    assert names(" AND tags.`parity` ILIKE 'OD%'") == ["1", "3"]

    seen, token = [], None
    while True:
        page = client.search_registered_models(f"name LIKE '{base}-%'", max_results=2, page_token=token)
        seen.append([model.name[-1] for model in page])
        token = page.token
        if not token:
            break
    assert seen == [["0", "1"], ["2", "3"], ["4"]]


def test_search_versions_by_tag_number_order_and_page(client, model_name):
    add_versions(client, model_name, 11)
    client.set_model_version_tag(model_name, "2", "reviewed", "yes")
    client.set_model_version_tag(model_name, "10", "reviewed", "yes")
    name = f"name = '{model_name}'"

    def found(filter_string, **options):
        return numbers(client.search_model_versions(filter_string, **options))

    assert found(f"{name} AND version_number > 9", order_by=["version_number DESC"]) == [11, 10]
    assert found(f"{name} AND tags.reviewed = 'yes'", order_by=["version_number ASC"]) == [2, 10]
    assert found(f"{name} AND source_path LIKE '%/11'") == [11]

    first = client.search_model_versions(name, max_results=4, order_by=["version_number ASC"])
    second = client.search_model_versions(name, max_results=4, order_by=["version_number ASC"], page_token=first.token)
    assert (numbers(first), numbers(second)) == ([1, 2, 3, 4], [5, 6, 7, 8])


@pytest.mark.parametrize("filter_string", ["name =", "nme = 'x'", "name > 'x'", "name = 'x' OR name = 'y'"])
def test_a_broken_filter_is_said_to_be_broken(client, filter_string):
    for search in [client.search_registered_models, client.search_model_versions]:
        with pytest.raises(MlflowException) as caught:
            search(filter_string)
        assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
