import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  validate,
} from 'graphql';
import type { Context } from 'hono';
import { invalidParameter, MlflowError } from '../contract/error.ts';
import { Rendered } from '../contract/operation.ts';
import { RunningCall } from './call.ts';
import { decodeInput, readObject } from './decode.ts';
import { encodeResponse } from './encode.ts';
import type { GraphqlOptions } from './graphql.ts';
import { refusalOf, tooDeep } from './graphql-limits.ts';
import { schema } from './graphql-schema.ts';
import { isObject, type JsonObject, parseOwnJson } from './json.ts';
import { readRequest } from './mount.ts';
import { takeHeaders } from './standing-headers.ts';

/** A query of a thousand fields has fewer. */
const mostTokens = 20_000;

/** Answers a request to `/graphql`. Throws for what is no query at all. */
export async function answerGraphql(c: Context, options: GraphqlOptions): Promise<Response> {
  const { data = null, errors } = await answer(readQuery(await readRequest(c)), c, options);
  const told = errors && errors.length > 0 ? errors.map(messageOf) : null;
  return new Response(JSON.stringify({ data, errors: told }), {
    headers: { 'content-type': 'application/json', ...takeHeaders(c) },
  });
}

interface Query {
  readonly document: DocumentNode;
  readonly variables: JsonObject | undefined;
  readonly operationName: string | undefined;
}

/** @throws INVALID_PARAMETER_VALUE for what is no query at all, where MLflow answers 500. */
function readQuery(incoming: Parameters<typeof readObject>[0]): Query {
  const { query, variables, operationName } = readObject(incoming);
  if (typeof query !== 'string') throw invalidParameter("The request body must hold a text as 'query'.");
  if (variables != null && !isObject(variables)) throw invalidParameter("'variables' must be a JSON object.");
  return {
    document: parseQuery(query),
    variables: variables ?? undefined,
    operationName: operationName == null ? undefined : String(operationName),
  };
}

function parseQuery(query: string): DocumentNode {
  try {
    return parse(query, { noLocation: true, maxTokens: mostTokens });
  } catch (cause) {
    // The stack overflows at some thousands of levels.
    throw invalidParameter(cause instanceof GraphQLError ? cause.message : tooDeep, { cause });
  }
}

async function answer(
  { document, variables, operationName }: Query,
  c: Context,
  options: GraphqlOptions,
): Promise<ExecutionResult> {
  const refusal = refusalOf(document, options.graphqlLimits);
  if (refusal) return { errors: [new GraphQLError(refusal)] };
  const invalid = validate(schema, document);
  if (invalid.length > 0) return { errors: invalid };
  const result = await execute({
    schema,
    document,
    rootValue: rootOf(async (rpc, input) => {
      const call = new RunningCall(options, rpc, c.get('requestId'));
      const run = options.operations[rpc]?.run as (request: object, call: RunningCall) => Promise<object>;
      const found = await run(decodeInput(rpc, input), call);
      const json = found instanceof Rendered ? found.json : encodeResponse(rpc, found);
      return parseOwnJson(typeof json === 'string' ? json : Buffer.from(json).toString()) as JsonObject;
    }),
    variableValues: variables,
    operationName,
    fieldResolver,
  });
  // What is neither the query's fault nor an answer of ours goes the way of all errors.
  for (const { originalError: error } of result.errors ?? [])
    if (error && !(error instanceof MlflowError || error instanceof GraphQLError)) throw error;
  return result;
}

/** As the Python library words it. */
const messageOf = ({ message, originalError }: GraphQLError): string =>
  originalError instanceof MlflowError ? message : message.replaceAll('"', "'");

type Asked =
  | 'getExperiment'
  | 'getRun'
  | 'searchRuns'
  | 'searchModelVersions'
  | 'getMetricHistoryBulkInterval';
type Ask = (rpc: Asked, input: JsonObject) => Promise<JsonObject>;

interface Arguments {
  readonly input?: JsonObject | null;
}

/** The fields of `Query`, by their names in snake case as all others. */
function rootOf(ask: Ask) {
  const field =
    (resolve: (input: JsonObject) => Promise<JsonObject>) =>
    ({ input }: Arguments) => {
      if (!input) throw invalidParameter("Missing value for required argument 'input'.");
      return resolve(input);
    };
  return {
    // Without an id, MLflow takes the default experiment here.
    mlflow_get_experiment: field(({ experimentId }) =>
      ask('getExperiment', { experimentId: experimentId || '0' }),
    ),
    mlflow_get_run: field(async (input) => {
      const { run } = await ask('getRun', input);
      return { run: extendRuns([run as WireRun], ask)[0] };
    }),
    mlflow_search_runs: field(async (input) => {
      const { runs, ...rest } = await ask('searchRuns', input);
      return { ...rest, runs: extendRuns((runs ?? []) as WireRun[], ask) };
    }),
    mlflow_get_metric_history_bulk_interval: field(async ({ runIds = [], metricKey = '' }) => {
      // A range and a number of points MLflow takes from a URL only, which here has none.
      const { metrics = [] } = await ask('getMetricHistoryBulkInterval', { runIds, metricKey });
      return { metrics: (metrics as WireMetric[]).map((metric) => ({ ...metric, value: numberOf(metric) })) };
    }),
  };
}

interface WireMetric {
  readonly value: unknown;
}
interface WireRun {
  readonly info: { readonly run_id: string; readonly experiment_id: string };
  readonly data?: { readonly metrics?: readonly WireMetric[] };
}

const numberOf = ({ value }: WireMetric): unknown =>
  value === 'NaN' ? new GraphQLError('Float cannot represent non numeric value: nan') : value;

/** With the fields that GraphQL adds to a run; the runs of one answer ask once for their versions. */
function extendRuns(runs: readonly WireRun[], ask: Ask): object[] {
  const ids = runs.map(({ info }) => `'${info.run_id}'`).join(', ');
  const versions = once(async () => {
    const { model_versions: found = [] } = await ask('searchModelVersions', { filter: `run_id IN (${ids})` });
    return Object.groupBy(found as { run_id: string }[], ({ run_id }) => run_id);
  });
  const experiments = new Map<string, () => Promise<JsonObject>>();
  return runs.map(({ info, data, ...run }) => {
    const { experiment_id: experimentId } = info;
    const find = experiments.get(experimentId) ?? once(() => ask('getExperiment', { experimentId }));
    experiments.set(experimentId, find);
    return {
      ...run,
      info,
      data: {
        ...data,
        metrics: data?.metrics?.map((one) => (one.value === 'NaN' ? { ...one, value: null } : one)),
      },
      experiment: async () => (await find()).experiment,
      model_versions: async () => (await versions())[info.run_id] ?? [],
    };
  });
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= ask();
    return asked;
  };
}

/** The field of MLflow's JSON; what that leaves out reads as it does in protobuf. */
const fieldResolver: GraphQLFieldResolver<JsonObject, unknown> = (parent, args, _context, info) => {
  const value = parent[info.fieldName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
  if (typeof value === 'function') return value(args);
  return value === undefined ? zeroOf(info.returnType) : value;
};

function zeroOf(type: GraphQLOutputType): unknown {
  if (isNonNullType(type)) return zeroOf(type.ofType);
  if (isListType(type)) return [];
  // MLflow tells no error by this field.
  if (isObjectType(type)) return type.name === 'ApiError' ? null : {};
  return { String: '', LongString: '0', Float: 0 }[type.toString()] ?? null;
}
