"""Writes openapi/mlflow.openapi.json from the installed `mlflow` package.

The protobuf descriptors give paths, messages and enums; the `schema={...}` tables in
`mlflow/server/handlers.py`, read as source, give the checks. A rule that is no plain `_assert_…` is looked up
by its source text in overrides.json, so a bound that changes in a new release stops this script. The query
arguments that handlers read without describing them, or past their description, stand there too.

    python openapi/generate/descriptors.py
"""

import ast
import inspect
import json
import re
from pathlib import Path

import mlflow
from google.protobuf.descriptor import FieldDescriptor as Field
from mlflow.protos import databricks_pb2
from mlflow.protos.mlflow_artifacts_pb2 import MlflowArtifactsService
from mlflow.protos.model_registry_pb2 import ModelRegistryService
from mlflow.protos.service_pb2 import MlflowService
from mlflow.protos.webhooks_pb2 import WebhookService
from mlflow.server import handlers

SERVICES = [ModelRegistryService, MlflowService, MlflowArtifactsService, WebhookService]
HERE = Path(__file__).parent
OVERRIDES = json.loads((HERE / "overrides.json").read_text())

PLAIN_RULES = {
    "_assert_required": "required",
    "_assert_string": "string",
    "_assert_intlike": "intlike",
    "_assert_floatlike": "floatlike",
    "_assert_bool": "bool",
    "_assert_array": "array",
    "_assert_item_type_string": "items-string",
    "_assert_map_key_present": "items-key",
    "_assert_secret_value": "secret",
}

# NaN and the infinities are no JSON numbers; proto-JSON has them as text.
NOT_FINITE = {"pattern": "^(NaN|-?Infinity)$"}

SCALARS = {
    Field.TYPE_STRING: {"type": "string"},
    Field.TYPE_BYTES: {"type": "string", "format": "byte"},
    Field.TYPE_BOOL: {"type": "boolean"},
    Field.TYPE_DOUBLE: {"type": ["number", "string"], "format": "double", **NOT_FINITE},
    Field.TYPE_FLOAT: {"type": ["number", "string"], "format": "float", **NOT_FINITE},
    Field.TYPE_INT32: {"type": "integer", "format": "int32"},
    Field.TYPE_UINT32: {"type": "integer", "format": "uint32"},
    Field.TYPE_FIXED32: {"type": "integer", "format": "uint32"},
    Field.TYPE_INT64: {"type": "integer", "format": "int64"},
    Field.TYPE_FIXED64: {"type": "integer", "format": "uint64"},
}

WELL_KNOWN = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "format": "google-duration"},
    "google.protobuf.FieldMask": {"type": "string", "format": "google-fieldmask"},
    "google.protobuf.Value": {"description": "Any JSON value"},
}


BOUNDS = {"min": "minimum", "max": "maximum", "maxItems": "maxItems"}


def schema_name(descriptor):
    return descriptor.full_name.removeprefix("mlflow.")


def reference(descriptor):
    return {"$ref": f"#/components/schemas/{schema_name(descriptor)}"}


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def bounds(field, rules):
    """What the check of a field says in the words of JSON Schema."""
    facts = {}
    if "required" in rules and field.type == Field.TYPE_STRING and not field.is_repeated:
        facts["minLength"] = 1
    for rule in rules:
        if isinstance(rule, dict):
            facts |= {word: rule[key] for key, word in BOUNDS.items() if key in rule}
    return facts


class Schemas:
    """The component schemas, gathered from the messages that RPCs name."""

    def __init__(self, checks):
        self.checks = checks
        self.by_name = {}

    def add_message(self, message, *, in_request):
        """Adds a message and those it holds. `x-mlflow-in-request` marks what a request may hold."""
        name = schema_name(message)
        known = self.by_name.get(name)
        if known is not None and (known.get("x-mlflow-in-request") or not in_request):
            return
        check = self.checks.get(message.full_name)
        required = [field for field, rules in (check or {}).items() if "required" in rules]
        schema = self.by_name[name] = {
            "type": "object",
            **({"x-mlflow-in-request": True} if in_request else {}),
            **({"required": required} if required else {}),
            **({"x-mlflow-check": check} if check else {}),
        }
        schema["properties"] = {
            field.name: self.field_schema(field, in_request=in_request) | bounds(field, (check or {}).get(field.name, []))
            for field in message.fields
        } | OVERRIDES["undescribed"].get(name, {})

    def field_schema(self, field, *, in_request):
        parts = field.name.split("_")
        assert field.json_name == parts[0] + "".join(part.capitalize() for part in parts[1:]), field.full_name
        if is_map(field):
            key, value = field.message_type.fields
            assert key.type == Field.TYPE_STRING, field.full_name
            return {"type": "object", "additionalProperties": self.value_schema(value, in_request=in_request)}
        value = self.value_schema(field, in_request=in_request)
        if field.is_repeated:
            return {"type": "array", "items": value}
        if field.has_default_value:
            default = field.default_value
            value["default"] = field.enum_type.values_by_number[default].name if field.enum_type else default
        if field.containing_oneof is not None:
            value["x-mlflow-oneof"] = field.containing_oneof.name
        if not field.has_presence:
            value["x-mlflow-implicit"] = True
        return value

    def value_schema(self, field, *, in_request):
        if field.type == Field.TYPE_MESSAGE:
            if field.message_type.full_name in WELL_KNOWN:
                return dict(WELL_KNOWN[field.message_type.full_name])
            self.add_message(field.message_type, in_request=in_request)
            return reference(field.message_type)
        if field.type == Field.TYPE_ENUM:
            numbers = {value.name: value.number for value in field.enum_type.values}
            self.by_name[schema_name(field.enum_type)] = {
                "type": "string",
                "enum": list(numbers),
                "x-mlflow-numbers": list(numbers.values()),
            }
            return reference(field.enum_type)
        return dict(SCALARS[field.type])


def read_rule(node, overrides, used):
    source = ast.unparse(node)
    if source in PLAIN_RULES:
        return PLAIN_RULES[source]
    used.add(source)
    rule = overrides[source]
    return {
        key: getattr(handlers, value) if key.startswith("max") and isinstance(value, str) else value
        for key, value in rule.items()
    }


def read_checks():
    """The checks by full name of the request message: field → rules, in the order of the source."""
    overrides = OVERRIDES["rules"]
    used = set()
    checks = {}
    for call in ast.walk(ast.parse(inspect.getsource(handlers))):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) not in (
            "_get_request_message",
            "_get_workspace_request_message",
        ):
            continue
        if not isinstance(call.args[0], ast.Call):
            continue
        message = getattr(handlers, ast.unparse(call.args[0].func)).DESCRIPTOR.full_name
        tables = [keyword.value for keyword in call.keywords if keyword.arg == "schema"]
        check = {
            key.value: [read_rule(rule, overrides, used) for rule in rules.elts]
            for table in tables
            for key, rules in zip(table.keys, table.values, strict=True)
        }
        assert checks.setdefault(message, check) == check, f"{message} is checked in two ways"
    assert used == set(overrides), f"unused overrides: {set(overrides) - used}"
    # A handler of two requests reads both as the one that it names.
    by_handler = {
        handler: checks[request.DESCRIPTOR.full_name]
        for request, handler in handlers.HANDLERS.items()
        if request.DESCRIPTOR.full_name in checks
    }
    for request, handler in handlers.HANDLERS.items():
        if handler in by_handler:
            checks.setdefault(request.DESCRIPTOR.full_name, by_handler[handler])
    return checks


def path_of(endpoint):
    """The path with `{name}` parameters, and the name of the one that takes slashes."""
    path = handlers._convert_path_parameter_to_flask_format(endpoint.path)
    rest = re.search(r"<path:(\w+)>", path)
    path = re.sub(r"<(?:path:)?(\w+)>", r"{\1}", path)
    return f"/api/{endpoint.since.major}.0{path}", rest and rest[1]


def rpc_name(method, service, taken):
    """The RPC in camel case; a name that an earlier service has already gets this service's name behind it."""
    name = method.name[0].lower() + method.name[1:]
    return name if name not in taken else name + service.DESCRIPTOR.name.removesuffix("Service")


def operation_of(rpc, service, method, endpoint, rest, path, schemas):
    request_class = service().GetRequestClass(method)
    request = request_class.DESCRIPTOR
    schemas.add_message(request, in_request=True)
    schemas.add_message(method.output_type, in_request=False)
    is_read = request.full_name in schemas.checks or schema_name(request) in OVERRIDES["undescribed"]
    path_names = re.findall(r"{(\w+)}", path)
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            **({"x-mlflow-rest": True} if name == rest else {}),
        }
        for name in path_names
    ]
    body = {}
    if endpoint.method == "GET":
        properties = schemas.by_name[schema_name(request)]["properties"]
        required = schemas.by_name[schema_name(request)].get("required", [])
        parameters += [
            {
                "name": name,
                "in": "query",
                **({"required": True} if name in required else {}),
                "schema": {key: fact for key, fact in schema.items() if not key.startswith("x-")},
            }
            for name, schema in properties.items()
            if name not in path_names
        ]
    else:
        body = {"requestBody": {"content": {"application/json": {"schema": reference(request)}}}}
    return {
        "tags": [service.DESCRIPTOR.name],
        "x-mlflow-rpc": rpc,
        "x-mlflow-request": schema_name(request),
        # MLflow has no handler for it, or one that looks at the path only.
        **({} if request_class in handlers.HANDLERS else {"x-mlflow-not-implemented": True}),
        **({} if is_read else {"x-mlflow-unread": True}),
        **({"parameters": parameters} if parameters else {}),
        **body,
        "responses": {
            "200": {
                "description": "Success",
                "content": {"application/json": {"schema": reference(method.output_type)}},
            },
            "4XX": {"$ref": "#/components/responses/Refused"},
            # Not every artifact store can do these.
            **({"501": {"$ref": "#/components/responses/Unsupported"}} if re.search("/(mpu|presigned)/", path) else {}),
            "503": {"$ref": "#/components/responses/Unavailable"},
        },
    }


def build():
    schemas = Schemas(read_checks())
    paths = {}
    taken = set()
    for service in SERVICES:
        for method in service.DESCRIPTOR.methods:
            rpc = rpc_name(method, service, taken)
            taken.add(rpc)
            for index, endpoint in enumerate(method.GetOptions().Extensions[databricks_pb2.rpc].endpoints):
                path, rest = path_of(endpoint)
                verb = endpoint.method.lower()
                # OpenAPI wants every operationId once; the second verb of an RPC carries its name behind.
                operation = {"operationId": rpc if index == 0 else rpc + verb.capitalize()}
                operation |= operation_of(rpc, service, method, endpoint, rest, path, schemas)
                assert verb not in paths.setdefault(path, {}), path
                paths[path][verb] = operation
    error = {
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {
            name: {"type": "string"} for name in ("error_code", "message", "sqlstate", "error_class")
        },
    }
    failures = {
        "Refused": "What is wrong with the request",
        "Unsupported": "The artifact store cannot do it",
        "Unavailable": "The database is out of reach",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "MLflow REST API", "version": mlflow.__version__},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.by_name.items())),
            "responses": {
                name: {"description": description, "content": {"application/json": {"schema": error}}}
                for name, description in failures.items()
            },
        },
    }


def render(value, indent=""):
    """JSON with everything that fits on one line: the diff of a new release is read by people."""
    line = json.dumps(value)
    if len(line) + len(indent) <= 120 or not isinstance(value, (dict, list)) or not value:
        return line
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {render(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + render(item, inner) for item in value) + f"\n{indent}]"


if __name__ == "__main__":
    (HERE.parent / "mlflow.openapi.json").write_text(render(build()) + "\n")
