"""Records what MLflow 3.17.2 makes of the filters and order-bys below, into recorded.json.

    pip install mlflow==3.17.2 && python src/search/record_filters.py

Runs MLflow's parsers and the part of its stores that judges comparators; no server and no database. `crash` stands for
what its server answers with 500.
"""

import json
import pathlib
import sys

from sqlalchemy.orm import Session

from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking import sqlalchemy_store as tracking
from mlflow.store.tracking.dbmodels.models import SqlLoggedModel
from mlflow.utils.search_logged_model_utils import EntityType, parse_filter_string
from mlflow.utils.search_utils import (
    SearchEvaluationDatasetsUtils,
    SearchExperimentsUtils,
    SearchModelUtils,
    SearchModelVersionUtils,
    SearchUtils,
)

FOLDER = pathlib.Path(__file__).parent
DIALECT = "postgresql"
session = Session()
registry = Registry.__new__(Registry)
registry._get_workspace_clauses = lambda model: []


def models_filter(text):
    parsed = SearchModelUtils.parse_search_filter(text)
    registry._get_search_registered_model_filter_query(session, parsed, DIALECT)
    return parsed


def versions_filter(text):
    parsed = SearchModelVersionUtils.parse_search_filter(text)
    registry._get_search_model_versions_filter_clauses(parsed, DIALECT)
    return [{**c, "value": int(c["value"])} if c["key"] == "version_number" and c["type"] == "attribute" else c for c in parsed]


def experiments_filter(text):
    parsed = SearchExperimentsUtils.parse_search_filter(text)
    tracking._get_search_experiments_filter_clauses(parsed, DIALECT)
    for c in parsed:
        if c["key"] == "experiment_id" and c["type"] == "attribute":
            value = c["value"]
            c["value"] = tuple(map(int, value)) if isinstance(value, tuple) else int(value)
    return parsed


def runs_filter(text):
    parsed = SearchUtils.parse_search_filter(text)
    tracking._get_sqlalchemy_filter_clauses(parsed, session, DIALECT)
    for c in parsed:
        c["comparator"] = c["comparator"].upper()
        if c["type"] == "attribute":
            c["key"] = SearchUtils.translate_key_alias(c["key"])
        if c["type"] == "metric":
            c["value"] = float(c["value"])
    return parsed


def logged_model_value(key, value):
    """What the column compares with; Postgres refuses the rest."""
    if key in ("experiment_id", "status"):
        return tuple(map(int, value)) if isinstance(value, tuple) else int(value)
    if not all(isinstance(v, str) for v in (value if isinstance(value, tuple) else (value,))):
        raise TypeError(value)
    return value


def logged_models_filter(text):
    types = {EntityType.ATTRIBUTE: "attribute", EntityType.METRIC: "metric", EntityType.PARAM: "parameter", EntityType.TAG: "tag"}
    parsed = parse_filter_string(text)
    for c in parsed:
        if not isinstance(c.value, float):
            c.value = logged_model_value(c.entity.type is EntityType.ATTRIBUTE and c.entity.key, c.value)
        if c.entity.type is EntityType.ATTRIBUTE:
            SqlLoggedModel.__table__.columns[c.entity.key]
    return [{"type": types[c.entity.type], "key": c.entity.key, "comparator": c.op, "value": c.value} for c in parsed]


def datasets_filter(text):
    parsed = SearchEvaluationDatasetsUtils.parse_search_filter(text)
    tracking._get_search_datasets_filter_clauses(parsed, DIALECT)
    for c in parsed:
        # MLflow looks for a key with the quotes around it; we take them off, as everywhere else.
        c["key"] = SearchUtils._trim_backticks(SearchUtils._strip_quotes(c["key"]))
    return parsed


def columns(clauses, names):
    """(key, ascending) of SQL order clauses."""
    found = []
    for clause in clauses:
        text = str(clause)
        column, _, direction = text.rpartition(" ") if text.endswith((" ASC", " DESC")) else (text, "", "ASC")
        key = column.rpartition(".")[2]
        found.append([names.get(key, key), direction == "ASC"])
    return found


REGISTRY_NAMES = {"last_updated_time": "last_updated_timestamp", "creation_time": "creation_timestamp", "version": "version_number"}


def models_order(clauses):
    return columns(Registry._parse_search_registered_models_order_by(clauses), REGISTRY_NAMES)


def versions_order(clauses):
    default = ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
    return columns(Registry._parse_search_model_versions_order_by(clauses or default), REGISTRY_NAMES)


def experiments_order(clauses):
    return columns(tracking._get_search_experiments_order_by_clauses(clauses), {})


def runs_order(clauses):
    found = tracking._get_orderby_clauses(clauses, session)[1]
    keys = []
    for clause in clauses:
        _, key, ascending = SearchUtils.parse_order_by_for_search_runs(clause)
        keys.append([SearchUtils.translate_key_alias(key), ascending])
    # Two SQL clauses stand for each key; the ties follow.
    ties = columns(found[2 * len(clauses) :], {"run_uuid": "run_id"})
    # A column that is among the keys orders nothing more.
    return keys + [tie for tie in ties if tie[0] not in [key for key, _ in keys]]


def logged_models_order(clauses):
    query = tracking.SqlAlchemyStore._apply_order_by_search_logged_models(None, session.query(SqlLoggedModel), session, clauses)
    return columns([c for c in query._order_by_clauses if not str(c).startswith("CASE")], {})


def datasets_order(clauses):
    return columns(tracking._get_search_datasets_order_by_clauses(clauses), {})


def encode(value):
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    return [encode(v) for v in value]


def unwrap(result):
    """Postgres reads `= ('a')` as `= 'a'`."""
    for c in result:
        if isinstance(c, dict) and isinstance(c["value"], tuple) and "IN" not in c["comparator"].split() and len(c["value"]) == 1:
            c["value"] = c["value"][0]
    return result


def record(run, given):
    try:
        return {"given": given, "result": encode(unwrap(run(given)))}
    except MlflowException as e:
        return {"given": given, "error": e.message}
    except Exception as e:
        return {"given": given, "crash": type(e).__name__}


# Sent to every grammar.
COMMON = [
    "", " ", "   \t ", "\n", "name = 'a'", "name='a'", "name= 'a'", "  name = 'a'  ", "name\n=\n'a'", "name = \"a\"", "name != 'a'",
    "name == 'a'", "name <> 'a'", "name ! 'a'", "name LIKE 'a%'", "name like 'a%'", "name ILIKE '%A'", "name iLiKe '%A'",
    "name NOT LIKE 'a'", "name RLIKE 'a'", "name > 'a'", "name <= 'a'", "name IN ('a')", "name IN ('a', 'b')", "name in ('a')",
    "name IN('a','b')", "name NOT IN ('a', 'b')", "name not in ('a')", "name NOT  IN ('a')", "name IN ()", "name IN ('a',)", "name IN ('a' 'b')",
    "name IN ('a''b')", "name IN (\"a\", 'b')", "name IN ('a', 1)", "name IN (1)", "name IN (1, 2.50, None)", "name IN (a)", "name IN ('a'",
    "name IN 'a'", "name IN ('a\\'b')", "name IN ('a\\n')", "name IN (('a'), 'b')", "name IN (('a','b'), 'c')", "name IN ('a';'b')",
    "name IN ['a']", "name IN ('\u00e9', '\U0001f600')", "name IN ('a') AND name = 'b'", "name IN ('a') OR name = 'b'",
    "name NOT IN ('a') AND tags.x = 'b'", "name IS NULL", "name is not null", "name IS  NULL", "name IS NOT  NULL", "name = NULL", "tags.a IS NULL",
    "tags.a IS NOT NULL", "tags.a is null AND tags.b = 'x'", "tags.a IS 'x'", "name = a", "name = 5", "name = 5.5", "name = -5", "name = true",
    "name = ''", "name = \"\"", "name = 'it''s'", "name = 'it\\'s'", "name = \"it's\"", "name = 'a\"b'", "name = 'a", "name = \"a", "name = `a`",
    "name = 'a' AND name = 'b'", "name = 'a' and name = 'b'", "name = 'a' AND", "AND name = 'a'", "AND", "name = 'a' name = 'b'",
    "name = 'a' OR name = 'b'", "name = 'a', name = 'b'", "name = 'a';", "name = 'a'; name = 'b'", "; name = 'a'", ";", "name = 'a' b", "name = 'a' 'b'",
    "(name = 'a')", "name = ('a')", "name LIKE ('a')", "NOT name = 'a'", "name", "name =", "= 'a'", "'a' = name", "'a' = 'a'", "name = 'a' = 'b'", "name name = 'a'",
    "name AS n = 'a'", "1 = 1", "name BETWEEN 'a' AND 'b'", "name = 'a' ORDER BY name", "name = 'a' LIMIT 5", "WHERE name = 'a'",
    "SELECT * FROM x", "name = 'a' -- comment", "name = 'a' /* comment */", "name = lower('a')", "lower(name) = 'a'", "name = 'a' + 'b'", "name || 'a'",
    "name = %s", "name = ?", "name = :a", "name = $1", "name=!'a'", "name ~ 'a'", "name ~* 'a'", "Name = 'a'", "NAME = 'a'", "`name` = 'a'", "\"name\" = 'a'",
    "foo = 'a'", "foo.bar = 'a'", "version = '1'", "status = 'READY'", "source = 'a'", "key = 'a'", "description = 'a'", "timestamp > 5", "timestamp = 'a'", "user = 'a'",
    "date = '2020'", "type = 'a'", "stage = 'a'", "constructor = 'a'", "__proto__ = 'a'", "name.x = 'a'", "tags = 'a'", ".name = 'a'", "tags. = 'a'", "tags.'a' = 'b'",
    "tag.a = 'b'", "tags.a = 'b'", "TAGS.a = 'b'", "Tags.a = 'b'", "tags.a != 'b'", "tags.a LIKE '%b%'", "tags.a ilike 'b'", "tags.a > 'b'", "tags.a IN ('b')",
    "tags.a = 5", "tags.a = b", "tags.a = \"b\"", "tags.a.b.c = 'x'", "tags.`a b` = 'x'", "tags.`a.b-c/d` = 'x'", "tags.\"a b\" = 'x'", "tags.\"a.b\" = 'x'",
    "tags.`a``b` = 'x'", "tags.a-b = 'x'", "tags.my-key = 'x'", "tags.a b = 'x'", "tags.a/b = 'x'", "tags.a:b = 'x'", "tags.a$b = 'x'", "tags.1 = 'x'", "tags.1a = 'x'", "tags._a = 'x'",
    "tags.\u00e9t\u00e9 = '\u00fc'", "tags.\u65e5\u672c = '\u8a9e'", "tags.`\U0001f600` = '\U0001f600'", "tags.order = 'x'", "tags.version = '1'", "tags.key = 'v'", "tags.Select = 'x'", "tags . a = 'x'",
    "tags. a = 'x'", "`tags`.a = 'x'", "`tags`.`a` = 'x'", "tags.`mlflow.prompt.is_prompt` = 'true'", "tags.mlflow.user = 'me'", "tags.`a` LIKE 'x'", "tags.a = 'b' AND tags.a != 'c'",
    "tags.a = 'b' AND tags.b = 'c' AND name LIKE 'x%'", "tags[0] = 'x'", "tags.a[0] = 'x'", "tags.a::text = 'x'", "attribute.name = 'a'", "attributes.name = 'a'",
    "attr.name = 'a'", "attribute.`name` = 'a'", "attribute.\"name\" = 'a'", "attribute.foo = 'a'", "params.a = 'b'", "parameter.a = 'b'", "param.`a b` = 'b'",
    "metrics.a > 1", "metric.a = 0.5", "metrics.a >= -1.5e-3", "metrics.a < 1E5", "metrics.a != 5.", "metrics.a = .5", "metrics.a = 1e999", "metrics.a = nan",
    "metrics.a = '1'", "metrics.a LIKE 1", "metrics.a IS NULL", "metrics.`a b/c` <= 3", "metrics.a = 0x10", "metrics.a > - 1", "metrics.a > +1", "metrics.12 > 1",
    "metrics.a = 1 AND params.b = 'c' AND tags.d = 'e'", "dataset.name = 'a'", "datasets.digest = 'a'", "dataset.context LIKE 'a'", "dataset.foo = 'a'",
    "datasets.name IN ('a','b')", "dataset.name NOT IN ('a')", "dataset.name = 5", "dataset.name > 'a'", "dataset.name IS NULL", "trace.a = 'b'",
    "name = 'a' AND foo", "name = 'a' AND AND name = 'b'", "name = 'a' XOR name = 'b'", "tags.a = 'x' AND (name = 'a' AND name = 'b')", "name = '\u201ca\u201d'", "name = \u2018a\u2019",
    "name IN ('" + "a" * 40 + "')", "name = '" + "(" * 120 + "'", "(" * 120 + "name" + ")" * 120, "name = 'a\\\\'", "name = '\\\\'", "name\u00a0=\u00a0'a'", "\\name = 'a'", "name = 'a\nb'", "name\t=\t'a'", "name = 'a'\x00",
]

ONLY = {
    "registered-models": ["name = 'a' AND tags.a > 'b' AND foo = 'x'", "tags.`name` ILIKE 'x'", "creation_timestamp > 5", "last_updated_timestamp > 5", "tags.a = ('b')"],
    "model-versions": [
        "version_number = 1", "version_number = '1'", "version_number > 1", "version_number <= 10", "version_number != -1", "version_number = 1.0", "version_number = 1.5e20", "version_number = 'x'",
        "version_number = ' 1_0 '", "version_number = '+3'", "version_number = '1.0'", "version_number = ''", "version_number = 99999999999999999999999", "version_number = '99999999999999999999'", "version_number LIKE '1'", "version_number LIKE 1",
        "version_number IN ('1')", "version_number IN (1)", "version_number = 00012", "attribute.version_number = 2", "run_id = 'a'", "run_id IN ('a','b')", "run_id NOT IN ('a')", "run_id > 'a'", "run_id = 5", "run_id IN (5)",
        "source_path = 's3://a/b'", "source_path LIKE 's3:%'", "source_path IN ('a')", "source_path NOT IN ('a')", "current_stage = 'Production'", "stage = 'x'", "creation_timestamp > 5", "last_updated_timestamp > 5", "name = 'a' AND version_number = 1 AND tags.x = 'y'",
    ],
    "experiments": [
        "experiment_id = '0'", "experiment_id = 'x'", "experiment_id = 0", "experiment_id != '1'", "experiment_id IN ('1','2')", "experiment_id IN ('1','x')", "experiment_id NOT IN ('1')", "experiment_id in ('1')", "experiment_id LIKE '1'",
        "experiment_id > '1'", "experiment_id = '99999999999999999999'", "experiment_id = ' 7 '", "creation_time > 1", "creation_time >= 1.5", "creation_time = 1.0", "creation_time = '1'", "creation_time LIKE 1", "creation_time IN (1)", "last_update_time < 99999999999999999999", "creation_time > -5", "last_update_time = 1e3",
        "attribute.creation_time > 1", "attribute.`creation_time` > 1", "lifecycle_stage = 'active'", "artifact_location = 'a'", "tags.a like 'x'", "tags.a RLIKE 'x'",
    ],
    "runs": [
        "run_id = 'a'", "run_id IN ('a','b')", "run_id NOT IN ('a','b')", "run_id > 'a'", "run_id LIKE 'a%'", "run_id = 5", "run_name = 'a'", "run_name LIKE 'a%'", "run_name IN ('a')", "attributes.run_name = 'a'", "attributes.`run name` = 'a'",
        "attributes.`Run name` = 'a'", "attribute.\"Run Name\" = 'a'", "run.`Run Name` ILIKE 'a'", "status = 'FINISHED'", "status != 'RUNNING'", "status IN ('a')", "status LIKE 'F%'", "user_id = 'me'", "artifact_uri = 'a'", "lifecycle_stage = 'active'", "experiment_id = '0'",
        "start_time > 5", "start_time >= 1.5", "start_time = '5'", "start_time LIKE 5", "start_time IN (5)", "start_time IS NULL", "end_time < 99999999999999999999999", "end_time > -1", "created > 5", "Created < 5", "attributes.created = 5", "CREATED = 5", "created = 'x'", "attr.start_time = 5", "run.status = 'a'",
        "params.a IS NULL", "params.a IS NOT NULL", "param.`a b` is null", "params.a > 'b'", "params.a IN ('b')", "params.a = 0.1", "params.a ILIKE 'x%'", "parameters.a = 'x'", "parameter.a != 'x'", "tag.a IS NULL AND param.b IS NOT NULL AND metrics.c > 1", "metrics.a > 'x'",
        "metrics.a IN (1)", "metrics.a = (1)", "metric.a>1 and metric.a<2", "metrics.\"a b\" = 1", "metrics.m.a.b = 1", "datasets.context = 'train'", "`dataset`.name = 'a'", "dataset.`name` = 'a'", "dataset.name IN ()", "dataset.name IN (1)", "metrics.a ! 1", "tags.`mlflow.runName` = 'a'",
        "tags.mlflow.parentRunId = 'a' AND attributes.status = 'FINISHED'",
    ],
    "logged-models": [
        "name = 'a' OR name = 'b'", "model_id = 'm-1'", "model_type LIKE 'a%'", "source_run_id = 'x'", "status = '2'", "status = 2", "experiment_id = '1'", "experiment_id IN ('1','2')", "creation_time > 1", "creation_timestamp >= 1.5", "creation_time = '1'", "creation_time LIKE 1", "last_updated_timestamp < 5",
        "last_updated_time > 5", "creation_timestamp_ms > 5", "attributes.creation_time > 5", "attributes.creation_timestamp_ms > 5", "attributes.name = 'a'", "attributes.`name` = 'a'", "tags.a in ('x','y')", "params.a NOT IN ('x')", "params.lr = 0.01", "params.lr = '0.01'", "params.a > 'x'", "metrics.a > inf",
        "metrics.a IN (1)", "metrics.`a.b c` = 1_0", "metrics.a > x", "name = ''a''", "name = '(a)'", "tags.`a`b` = 'x'", "lifecycle_stage = 'active'", "artifact_location = 's3://x'", "status_message ILIKE '%x%'", "metrics.a.b > 1 AND params.c = 'd'", "m.x = 'a'", "Metrics.x > 1",
    ],
    "datasets": [
        "name >= 'b'", "name < 'b'", "name IN ('a','b') AND created_time > 1", "name = ('a','b')", "created_time > 1", "created_time >= 1.5", "created_time = 1e3", "created_time = '1'", "created_time LIKE 1", "created_time IN (1)", "created_time > -5", "last_update_time < 99999999999999999999",
        "created_by = 'me'", "created_by != 'me'", "created_by LIKE 'm%'", "created_by IN ('me')", "created_by NOT IN ('me')", "created_by > 'a'", "last_updated_by ILIKE 'M%'", "last_updated_by = 5", "created_by IS NULL", "dataset_id = 'd-1'", "digest = 'x'", "tags.a RLIKE 'x'", "tags.a NOT LIKE 'x'", "tags.a = ('x')", "created_time = 1 AND foo = 2",
    ],
}

ORDERS = {
    "registered-models": [
        [], ["name"], ["name ASC"], ["name DESC"], ["name desc"], ["name  desc"], ["timestamp"], ["timestamp DESC"], ["timestamp asc", "name desc"], ["last_updated_timestamp DESC"], ["timestamp", "last_updated_timestamp"], ["name", "name DESC"], ["name foo"], ["name ASC foo"],
        ["foo"], ["creation_timestamp"], [""], [" "], [" name"], ["name "], ["name,timestamp"], ["name ASC, timestamp DESC"], ["`name`"], ["`name` DESC"], ["\"name\" DESC"], ["'name'"], ["version"], ["name ASC NULLS LAST"], ["timestamp  DESC"], ["TIMESTAMP"], ["tags.a"], ["5"], ["name DESC DESC"], ["asc"], ["name;"], ["Name"], ["timestamp foo"],
    ],
    "model-versions": [
        [], ["name"], ["version_number DESC"], ["version_number"], ["creation_timestamp"], ["creation_timestamp DESC", "name"], ["last_updated_timestamp ASC"], ["name", "name"], ["timestamp"], ["foo"], ["version"], ["attribute.name"], ["attribute.foo"], ["tags.name"], ["tags.a"], ["x.name"], ["`version_number` desc"], ["'name'"], ["name foo"], [""],
    ],
    "experiments": [
        [], ["name"], ["name DESC"], ["experiment_id"], ["experiment_id DESC", "name"], ["creation_time"], ["last_update_time DESC"], ["attribute.name"], ["tags.a"], ["foo"], ["name", "name"], ["lifecycle_stage"], ["`name`"], ["attributes.name"], ["name foo"], [""],
    ],
    "runs": [
        [], ["start_time"], ["start_time DESC"], ["attributes.start_time ASC"], ["created"], ["Created DESC", "start_time"], ["metrics.a"], ["metrics.a DESC", "params.b"], ["metrics.`a b` DESC"], ["metrics.\"a b\" DESC"], ["metric.`a b`"], ["tags.`mlflow.user` asc"], ["params.lr"], ["run_id"], ["run_id DESC"], ["status", "end_time"], ["attribute.run_name"], ["run_name DESC"],
        ["attributes.`Run Name`"], ["user_id"], ["artifact_uri"], ["lifecycle_stage"], ["dataset.name"], ["dataset.foo"], ["foo.bar"], ["foo"], ["metrics.a", "metrics.a DESC"], ["metrics.a foo"], ["metrics.a ASC DESC"], ["metrics.a-b"], ["metrics.a/b DESC"], [""], ["metrics.it's"], ["metrics.`it's`"], ["metrics.`it's` desc"], ["metrics.`a\"b`"], ["`metrics`.a"], ["metrics.1"], ["experiment_id"], ["metrics.\u00e9 DESC"],
    ],
    "logged-models": [
        [], [{"field_name": "name"}], [{"field_name": "name", "ascending": False}], [{"field_name": "creation_time"}], [{"field_name": "creation_timestamp", "ascending": True}], [{"field_name": "last_updated_timestamp"}], [{"field_name": "last_updated_time"}], [{"field_name": "model_id", "ascending": False}], [{"field_name": "foo"}], [{"field_name": ""}],
        [{"field_name": "metrics.a"}], [{"field_name": "metrics.a.b", "ascending": False, "dataset_name": "d", "dataset_digest": "x"}], [{"field_name": "params.a"}], [{"field_name": "status"}, {"field_name": "name"}], [{"field_name": "experiment_id"}],
    ],
    "datasets": [
        [], ["name"], ["name DESC"], ["created_time"], ["created_time ASC", "name desc"], ["last_update_time DESC"], ["dataset_id"], ["created_by"], ["tags.a"], ["attribute.name"], ["name", "name"], ["foo"], ["`name`"], ["`name` DESC"], ["name foo"], ["NAME"], ["timestamp"], [""], [" "], ["name, created_time"],
    ],
}

GRAMMARS = {
    "registered-models": (models_filter, models_order),
    "model-versions": (versions_filter, versions_order),
    "experiments": (experiments_filter, experiments_order),
    "runs": (runs_filter, runs_order),
    "logged-models": (logged_models_filter, logged_models_order),
    "datasets": (datasets_filter, datasets_order),
}

recorded = {
    name: {
        "filters": [record(parse, text) for text in COMMON + ONLY[name]],
        "orders": [record(order, clauses) for clauses in ORDERS[name]],
    }
    for name, (parse, order) in GRAMMARS.items()
}
lines = []
for name, kinds in recorded.items():
    inner = []
    for kind, cases in kinds.items():
        rows = ",\n".join("      " + json.dumps(case, ensure_ascii=True) for case in cases)
        inner.append(f'    "{kind}": [\n{rows}\n    ]')
    lines.append(f'  "{name}": {{\n' + ",\n".join(inner) + "\n  }")
(FOLDER / "recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
print({n: {k: len(v) for k, v in r.items()} for n, r in recorded.items()}, file=sys.stderr)
