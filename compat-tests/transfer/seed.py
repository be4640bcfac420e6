"""
Fills the MLflow store of a database URI with one of everything, through MLflow's own client, and prints what the client
then reads from it. No server: the store itself.
"""

import random
import sys

from answers import MAJOR, print_answers

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

uri = sys.argv[1]
chance = random.Random(7)
client = MlflowClient(tracking_uri=uri, registry_uri=uri)

experiments = ["0"] + [
    client.create_experiment(name, artifact_location=f"s3://bucket/{number}", tags={"team": name, "empty": ""})
    for number, name in enumerate(["fraud", 'churn "Ümlaut" \\ \n 日本', "to be deleted", "without runs"])
]
client.set_experiment_tag("0", "mlflow.note.content", "a" * 4_000)
client.rename_experiment(experiments[4], "renamed")

odd = [float("nan"), float("inf"), float("-inf"), 1.7976931348623157e308, 5e-324, -0.1, 1 / 3, 1e22]
runs = []
for number in range(16):
    experiment = experiments[number % 4]
    run = client.create_run(
        experiment,
        start_time=1_700_000_000_000 + number % 7,
        run_name=None if number % 5 == 0 else f"run {number}",
        tags={"mlflow.user": "ada", "k": f"v{number % 3}"},
    ).info.run_id
    runs.append(run)
    client.log_batch(
        run,
        metrics=[Metric(f"m{n}", value, 1_700_000_000_000 + n, n) for n, value in enumerate(odd)]
        + [Metric("tied", value, 5, 5) for value in (1.0, 3.0, 2.0, float("nan"))]
        + [Metric("back/wards", 1.5, 9_007_199_254_740_993, -3), Metric("back/wards", 2.5, 0, -4)],
        params=[Param("lr", str(number / 7)), Param("long", "x" * 6_000), Param("Ключ", "\t'\"\\")],
        tags=[RunTag("note", "line\nline"), RunTag("empty", "")],
    )
    if number % 4 != 0:
        client.set_terminated(run, ["FINISHED", "FAILED", "KILLED"][number % 3], end_time=1_700_000_100_000 + number)
    data = [
        DatasetInput(
            Dataset(f"set {digest % 5}", f"d{digest}", "local", "{\"uri\": \"/x\"}", '{"a": 1}' if digest % 2 else None, None),
            [InputTag("mlflow.data.context", "train"), InputTag("second", "")] if digest % 3 else [],
        )
        for digest in (number % 6, 9 - number % 6)
    ]
    client.log_inputs(run, data)

# A history that takes several batches, and in an old store its beginning.
for start in range(0, 12_000 if MAJOR >= 3 else 1_000, 1_000):
    client.log_batch(runs[1], metrics=[Metric("loss", chance.random(), step, step) for step in range(start, start + 1_000)])

client.delete_run(runs[12])
client.delete_run(runs[13])
client.restore_run(runs[13])

if MAJOR >= 3:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput

    models = []
    for number in range(9):
        model = client.create_logged_model(
            experiment_id=experiments[number % 2],
            name=f"model-{number}",
            source_run_id=runs[number] if number % 2 else None,
            tags={"t": str(number)},
            params={"depth": str(number)},
            model_type="agent" if number % 3 else None,
        ).model_id
        models.append(model)
        for step, value in enumerate([0.5, float("nan"), float("inf"), 0.0]):
            client.log_metric(runs[number], "score", value, timestamp=77, step=step, model_id=model,
                              dataset_name="set 1" if step else None, dataset_digest="d1" if step else None)
        if number % 4 == 1:
            client.finalize_logged_model(model, "READY")
    client.set_logged_model_tags(models[0], {"late": "1"})
    client.delete_logged_model(models[8])
    client.log_inputs(runs[2], models=[LoggedModelInput(models[1]), LoggedModelInput(models[0])])
    client.log_outputs(runs[3], models=[LoggedModelOutput(models[2], 4), LoggedModelOutput(models[1], 0)])

client.delete_experiment(experiments[3])

for number in range(10):
    name = f"model {number:02}" if number else 'Ümlaut "quoted" \\'
    client.create_registered_model(name, tags={"team": "fraud", "empty": ""} if number % 2 else None,
                                   description=None if number % 3 else "two\nlines")
    for version in range(number % 5):
        client.create_model_version(
            name, f"s3://bucket/models/{number}/{version}", run_id=runs[number] if version % 2 else None,
            tags={"v": str(version)}, description=f"version {version}",
        )
    if number % 5 == 4:
        client.delete_model_version(name, "2")
        client.delete_model_version(name, "4")
        client.transition_model_version_stage(name, "1", "Archived")
        client.transition_model_version_stage(name, "3", "Production")
        client.set_registered_model_alias(name, "champion", "3")
        client.set_registered_model_alias(name, "Zweitbester", "1")

if MAJOR >= 3:
    client.register_prompt("greeting", "Hello {{name}}", commit_message="first", tags={"lang": "en"})
    client.register_prompt("greeting", "Good day {{name}}" + "!" * 5_000, commit_message="second")
    client.set_prompt_alias("greeting", "production", 1)

    store = client._tracking_client.store
    golden, texts, emptied, deleted = (
        store.create_dataset(name, tags=tags, experiment_ids=ids).dataset_id
        for name, tags, ids in [
            ("golden", {"mlflow.user": "ada", "team": "fraud", "empty": ""}, experiments[:2]),
            ('Ümlaut "quoted" \\ 日本', None, None),
            ("emptied", {"team": "churn"}, [experiments[3]]),
            ("deleted", {"team": "fraud"}, [experiments[0]]),
        ]
    )
    store.create_dataset("without records")
    sources = [
        None,
        {"source_type": "TRACE", "source_data": {"trace_id": "tr-1", "x": [1.0]}},
        {"source_type": "human", "source_data": {"source_id": "ada"}},
        {"source_type": "CODE"},
    ]
    outputs = [{}, {"answer": "\t\"\\", "deep": {"b": [1, 1.0, 1e22], "a": None}}, None, {"score": -0.1}]
    records = [
        {
            "inputs": {"question": f"Ключ {number}", "n": number, "x": number / 3, "deep": {"b": [True, None], "a": {}}},
            "outputs": outputs[number % 4],
            "source": sources[number // 4 % 4],
        }
        | ({"expectations": {"right": number % 2 == 0, "\n": 2**70}} if number % 3 else {})
        | ({"tags": {"mlflow.user": "bob", "k": str(number)}} if number % 5 else {})
        for number in range(60)
    ] + [{"inputs": {}}, {"inputs": {"no outputs": 1}, "expectations": {}, "tags": {}}]
    for start in range(0, len(records), 20):
        store.upsert_dataset_records(golden, records[start : start + 20])
    store.upsert_dataset_records(golden, [{**record, "tags": {"late": "1"}, "outputs": {"new": 1}} for record in records[::7]])
    store.upsert_dataset_records(
        texts, [{"inputs": {"n": number}, "outputs": output} for number, output in enumerate(["text", 5, [1, "é"], True])]
    )
    store.upsert_dataset_records(emptied, [{"inputs": {"n": 1}}])
    store.delete_dataset_records(emptied, [store._load_dataset_records(emptied)[0][0].dataset_record_id])
    store.add_dataset_to_experiments(texts, [experiments[1], experiments[4]])
    store.delete_dataset(deleted)

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("Default")
    with mlflow.start_span("not copied"):
        pass
    mlflow.flush_trace_async_logging(terminate=True)

print_answers(client)
