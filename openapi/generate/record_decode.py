"""Writes src/http/decode.recorded.json: what MLflow's own request parser makes of the inputs below.

Each input goes through the real handler of its RPC up to the message that it parses; nothing is stored.

    python openapi/generate/record_decode.py
"""

import json
import os
from pathlib import Path

os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"

import inspect

import flask
from descriptors import SERVICES
from mlflow.exceptions import MlflowException
from mlflow.server import handlers
from mlflow.utils.proto_json_utils import message_to_json

DEEP = 2_000
MAX = 2**63 - 1

JSON = "application/json"


def body(rpc, text, *, method="POST", content_type=JSON):
    return {"rpc": rpc, "method": method, "body": text, **({"contentType": content_type} if content_type else {})}


def query(rpc, text, *, method="GET"):
    return {"rpc": rpc, "method": method, "query": text}


def values(rpc, field, texts, rest=""):
    """One input for each JSON text as the value of the field."""
    return [body(rpc, f'{{{rest}"{field}": {text}}}') for text in texts]


ANY = ["null", '""', '"x"', "0", "1", "-1", "1.0", "1.5", "true", "false", "[]", '["a"]', "{}", '{"key": "a"}']
NUMBERS = [
    '"5"', '"-5"', '"+5"', '" 5"', '"5 "', '"\\t5\\n"', '"1_000"', '"_1"', '"1__0"', '"05"', '"0x10"', '"5.0"', '"5.5"', '"1e3"',
    '".5"', '"5."', '"."', '"1e"', '"1_0.5"', "1e3", "1E+2", "5.0", "5.5", "-0.0", "1e-400", "1e400",
    "NaN", "Infinity", "-Infinity", '"NaN"', '"nan"', '"NAN"', '"-nan"', '"Infinity"', '"-Infinity"', '"inf"', '"-INF"', '"infinite"',
    "2147483647", "2147483648", "-2147483648", "-2147483649", "9007199254740993", "1234567890123456789",
    str(MAX), str(MAX + 1), str(-MAX - 1), str(-MAX - 2), f'"{MAX}"', f'"{MAX + 1}"', "1e18", "1e19", "0.1234567890123456789",
    "123456789012345678901234567890", "1" * 4300, "1" * 4301, '"' + "1" * 5000 + '"',
]
WRITTEN = ["1e16", "1e-5", "1e-4", "123456789.5e300", "-0", "-0.0", "1E5", "100000000000000000000", "0.1"]
TEXTS = ['"é😀\\u0000\\n\\\\\\""', '"\\ud800"', '"\\ud83d\\ude00"', '"a\\u007f\\u0080"', '"__proto__"']

INPUTS = [
    # The body as a whole
    *[
        body("createRegisteredModel", text)
        for text in [
            "", " ", "null", "{}", "{bad", "[]", "[1]", '["name"]', '["foo"]', '[{"name": "x"}]', "0", "1", "1.5", "true", "false", "NaN", '"x"', '""',
            '"{\\"name\\": \\"a\\"}"', '"{\\"name\\": 1.0}"', '"null"', '"[]"', '"\\"x\\""', '"{bad"', '{"name": "a"} trailing', "{'name': 'a'}",
            '{"name": "a", "name": "b"}', '{"name": "a",}', '{"name": "a\nb"}', '{"name": "a", "unknown": {"x": [1, null]}}',
            "[" * DEEP + "]" * DEEP, '{"name": ' + "[" * DEEP + "]" * DEEP + "}", '{"name": "a", "x": ' + "[" * DEEP + "]" * DEEP + "}",
            '{"name": "' + "[" * DEEP + '\\""}', '{"name": "a", "x": ' + "[" * 90 + "]" * 90 + "}", '{"[ext]": 1, "name": "a"}', '{"name": "a", "[ext]": 1}',
            '{"constructor": 1, "toString": 2, "name": "a"}', '{"__proto__": {"name": "p"}, "name": "a"}',
        ]
    ],
    # Content types and verbs
    *[
        body("createRegisteredModel", '{"name": "a"}', content_type=content_type)
        for content_type in [None, "text/plain", "application/JSON", "application/json; charset=utf-8", "application/json ;x", "application/json-patch+json", " application/json"]
    ],
    body("deleteRegisteredModel", '{"name": "a"}', method="DELETE", content_type=None),
    body("updateRegisteredModel", '{"name": "a", "description": "d"}', method="PATCH", content_type="text/plain"),
    body("getRegisteredModel", '{"name": "a"}', method="GET", content_type=None),
    body("getRegisteredModel", "", method="GET", content_type=None),
    query("deleteRegisteredModel", "name=a", method="DELETE"),
    # The query string
    *[
        query("getRegisteredModel", text)
        for text in ["name=a", "name=", "name=a&name=b", "x=1", "name=a%20b+c%2B", "name=%E2%9C%93", "NAME=a", "name", "&", "name=a&x=1", "name=%00"]
    ],
    *[
        query("searchRegisteredModels", text)
        for text in [
            "max_results=10", "max_results=x", "max_results=", "max_results=1000", "max_results=1001", "max_results=1e2", "max_results=5.0", "max_results=-1", "maxResults=5",
            "max_results=99999999999999999999", "order_by=a&order_by=b", "order_by=", "filter=name%3D%27a%27&page_token=t", "max_results=10&max_results=x", "filter=a;order_by=b", "max_results=%205",
        ]
    ],
    *[query("getModelVersion", text) for text in ["name=a&version=1", "name=a", "version=1", "name=a&version="]],
    *[query("getLatestVersions", text) for text in ["name=a&stages=None&stages=Production", "name=a&stages=", "name=a"]],
    *[query("searchExperiments", text) for text in ["max_results=10&view_type=ALL", "view_type=3", "view_type=9", "view_type=x", "view_type=ALL&max_results=x"]],
    *[query("getMetricHistoryBulkInterval", text) for text in ["", "run_ids=a&metric_key=k", "&".join(f"run_ids={n}" for n in range(101)) + "&metric_key=k", "run_ids=a&metric_key=k&max_results=0", "run_ids=a&metric_key=k&max_results=2500", "run_ids=a&metric_key=k&max_results=2501", "run_ids=a&metric_key=k&max_results=1e1", "run_ids=&metric_key=k&start_step=1&end_step=-2"]],
    *[query("getTrace", text) for text in ["trace_id=a&allow_partial=true", "trace_id=a&allow_partial=TRUE", "trace_id=a&allow_partial=1", "trace_id=a&allow_partial=", "trace_id=a", "allow_partial=x"]],
    *[query("getRun", text) for text in ["run_id=a", "run_uuid=b", "run_id=&run_uuid=b", "run_id=a&run_uuid=b", "x=1"]],
    # Values of each kind where each kind is wanted
    *values("createRegisteredModel", "name", [*ANY, *WRITTEN, *TEXTS, '{"b": 1, "a": [1.0, null, true, "é"]}']),
    *values("createRegisteredModel", "description", [*ANY, *TEXTS], rest='"name": "n", '),
    *values("createRegisteredModel", "tags", [*ANY, '[{"key": "a", "value": 1}]', '[{"key": "a", "value": "b", "x": 1}]', "[null]", '[[]]', '[{"key": "a"}, {"value": "b"}, 5]'], rest='"name": "n", '),
    *values("logMetric", "timestamp", [*ANY, *NUMBERS], rest='"run_id": "r", "key": "k", "value": 1, '),
    *values("logMetric", "value", [*ANY, *NUMBERS], rest='"run_id": "r", "key": "k", "timestamp": 1, '),
    *values("searchRuns", "max_results", [*ANY, *NUMBERS, "50000", "50001", "50000.5"]),
    *values("searchRuns", "run_view_type", [*ANY, '"ALL"', '"all"', "2", "2.9", '"2"', '" 2 "', "9", '"9"', "NaN", "Infinity", "1" * 30, '"DELETED_ONLY"']),
    *values("searchRuns", "experiment_ids", [*ANY, "[1]", "[null]", '["a", 1, "b"]', '"abc"']),
    *values("transitionModelVersionStage", "archive_existing_versions", [*ANY, '"true"'], rest='"name": "n", "version": "1", "stage": "s", '),
    *values("createRun", "tags", [*ANY, '[{"key": "a"}]']),
    *values("createLoggedModel", "tags", ANY, rest='"experiment_id": "0", '),
    *values("logInputs", "datasets", [*ANY, '[{"dataset": "x"}]', '[{"dataset": {"name": "a"}, "tags": [{"key": "k"}]}]', '[{"dataset": ["name"]}]', '[{"dataset": [["x"]]}]', '[{"dataset": {"name": 5}}, {"tags": []}]'], rest='"run_id": "r", '),
    # What stays of a message that does not parse
    body("updateRun", '{"run_id": "r", "run_name": 5, "status": "FINISHED"}'),
    body("updateRun", '{"run_id": "r", "status": "FINISHED", "end_time": 1.5}'),
    body("updateRun", '{"end_time": "x", "run_id": "r", "status": "FINISHED"}'),
    body("updateRun", '{"run_id": "r", "status": "NOPE", "end_time": 5}'),
    body("updateRun", '{"run_id": "r", "status": 99, "end_time": 5}'),
    body("createExperiment", '{"tags": [{"key": "a", "value": "b"}, {"key": 5}, {"key": "c"}], "name": "n"}'),
    body("createExperiment", '{"name": "n", "tags": [{"key": "a", "value": "b"}, null, {"key": "c"}]}'),
    body("searchLoggedModels", '{"experiment_ids": ["0"], "order_by": [{"field_name": "a"}, {"ascending": false}, {"ascending": null}], "datasets": null}'),
    # Names in camel case
    body("getRun", '{"runId": "r"}', method="GET"),
    body("setTag", '{"runId": "r", "run_uuid": "u", "key": "k", "value": "v"}'),
    body("setTag", '{"runUuid": "u", "key": "k", "value": "v"}'),
    body("setTag", '{"run_uuid": "u", "key": "k", "value": "v"}'),
    body("setTag", '{"run_id": null, "run_uuid": 5, "key": "k", "value": "v"}'),
    body("setTag", '{"run_id": "r", "runId": "s", "key": "k"}'),
    body("setTag", '{"run_id": null, "runId": null, "key": "k"}'),
    body("searchRuns", '{"maxResults": 5, "experimentIds": ["0"], "runViewType": "ALL", "order_by": [], "orderBy": []}'),
    body("logBatch", '{"run_id": "r", "metrics": [{"key": "a", "value": 1, "timestamp": 1, "model_id": "m", "modelId": "n"}]}'),
    body("logBatch", '{"run_id": "r", "metrics": [{"key": "a", "value": 1, "timestamp": 1, "modelId": "n"}]}'),
    # Batches
    *[
        body("logBatch", f'{{"run_id": "r", "metrics": {metrics}}}')
        for metrics in [
            '[{"key": "a", "value": 1.5, "timestamp": 1, "step": 2}]', '[{"key": "a", "value": 1}]', '[{"key": "a", "timestamp": 1}]', '[{"value": 1, "timestamp": 1}]',
            '[{"key": "", "value": 1, "timestamp": 1}]', '[{"key": "a", "value": 1, "timestamp": 1}, {"key": "b"}]', '[{"key": 5, "value": "x", "timestamp": 1}]', "{}", "[5]", '["a"]', "null", "[null]", '"x"',
            '[{"key": "a", "value": "NaN", "timestamp": "1", "step": null}]', '[{"key": "a", "value": null, "timestamp": 1}]', '[{"key": "a", "value": NaN, "timestamp": 1}]',
        ]
    ],
    body("logBatch", '{"run_id": "r", "params": [{"value": "x"}], "tags": [{}]}'),
    body("logBatch", '{"run_id": "r", "tags": [{"key": null}]}'),
    # Maps, oneofs and the well-known types
    *values("startTraceV3", "trace", [
        '{"trace_info": {"tags": {"a": "b", "__proto__": "c"}, "trace_metadata": {}}}', '{"trace_info": {"tags": {"a": 1, "b": "c"}}}', '{"trace_info": {"tags": []}}', '{"trace_info": {"tags": {"a": null}}}',
        *[f'{{"trace_info": {{"request_time": {time}}}}}' for time in [
            '"2025-04-15T08:49:18.699Z"', '"2025-04-15T10:49:18+02:00"', '"2025-04-15T10:49:18.1-02:30"', '"2025-04-15 10:49:18Z"', '"2025-04-15T10:49:18"', '"2025-02-30T00:00:00Z"', '"2025-4-5T1:2:3Z"',
            '"0001-01-01T00:00:00Z"', '"0001-01-01T00:00:00+01:00"', '"9999-12-31T23:59:59.999999999Z"', '"0000-01-01T00:00:00Z"', '"2025-04-15T08:49:18.Z"', '"2025-04-15T08:49:18.1234567891Z"', '"2025-04-15T08:49:18.000001Z"', "5", "null",
        ]],
        *[f'{{"trace_info": {{"execution_duration": {duration}}}}}' for duration in ['"1.5s"', '"-1.5s"', '"-0.5s"', '"0s"', '"-0s"', '"1"', '".5s"', '"1.s"', '"315576000000s"', '"315576000001s"', '"01s"', '"1.000000001s"', '"1e3s"', "1"]],
        '{"trace_info": {"trace_location": {"mlflow_experiment": {"experiment_id": "1"}, "inference_table": null}}}',
        '{"trace_info": {"trace_location": {"mlflow_experiment": {"experiment_id": "1"}, "inference_table": {}}}}',
        '{"trace_info": {"state": "OK"}}', '{"trace_info": {"state": 1}}',
    ]),
    *[
        body("createAssessment", f'{{"assessment": {{"feedback": {{"value": {value}}}}}}}')
        for value in ["null", "true", "1", "1.5", '"x"', "[]", "{}", '[1, "a", null, {"b": [true]}]', "12345678901234567890", "[" * 48 + "]" * 48, '{"__proto__": 1}']
    ],
    body("createAssessment", '{"assessment": {"feedback": {"value": 1}, "expectation": {"value": 2}}}'),
    body("createAssessment", '{"assessment": {"valid": null, "metadata": {"a": "b"}}}'),
    *[body("updateAssessment", f'{{"assessment": {{}}, "update_mask": {mask}}}', method="PATCH") for mask in ['"a,b"', '"createTime"', '"create_time"', '""', "5"]],
    # The rest of the rules
    *values("createGatewaySecret", "secret_value", ["null", "{}", '{"a": "b"}', '"x"'], rest='"secret_name": "s", '),
    body("createGatewaySecret", '{"secret_name": "s"}'),
    *values("finalizeLoggedModel", "status", [*ANY, '"LOGGED_MODEL_READY"', "2", '"2"'], rest='"model_id": "m", '),
    *values("updateModelVersion", "version", ANY, rest='"name": "n", '),
    *values("listReviewQueues", "max_results", ["0", "1", "50000", "50001", '"x"'], rest='"experiment_id": "0", '),
    *values("createWebhook", "events", ANY, rest='"name": "w", "url": "https://example.com", '),
]


class Read(Exception):
    """Ends a handler where it has its request."""


def handlers_by_rpc():
    found = {}
    for service in SERVICES:
        for method in service.DESCRIPTOR.methods:
            name = method.name[0].lower() + method.name[1:]
            found.setdefault(name, handlers.HANDLERS.get(service().GetRequestClass(method)))
    return found


def fill_defaults(message):
    """Declared defaults, which Tabularium's requests hold as values."""
    for field in message.DESCRIPTOR.fields:
        if field.has_default_value and not message.HasField(field.name):
            setattr(message, field.name, field.default_value)
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.message_type is None or is_map or field.message_type.full_name.startswith("google."):
            continue
        if field.is_repeated:
            for item in getattr(message, field.name):
                fill_defaults(item)
        elif message.HasField(field.name):
            fill_defaults(getattr(message, field.name))


def record(app, handler, given):
    with app.test_request_context(
        "/?" + given.get("query", ""),
        method=given["method"],
        data=given.get("body"),
        content_type=given.get("contentType"),
    ):
        try:
            arguments = [name for name in inspect.signature(inspect.unwrap(handler)).parameters]
            response = handler(**dict.fromkeys(arguments, "from-path"))
        except Read as read:
            (message,) = read.args
            fill_defaults(message)
            return {"message": json.loads(message_to_json(message))}
        except Exception as error:
            return {"failure": type(error).__name__}
        return {"error": json.loads(response.get_data())["message"]}


def main():
    parse = handlers._get_request_message

    def parse_and_stop(message, *args, **kwargs):
        raise Read(parse(message, *args, **kwargs))

    handlers._get_request_message = parse_and_stop
    app = flask.Flask(__name__)
    by_rpc = handlers_by_rpc()
    # Sorted, because maps have no order in protobuf.
    lines = [json.dumps(given | record(app, by_rpc[given["rpc"]], given), sort_keys=True) for given in INPUTS]
    target = Path(__file__).parents[2] / "src/http/decode.recorded.json"
    target.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines)} inputs")


if __name__ == "__main__":
    main()
