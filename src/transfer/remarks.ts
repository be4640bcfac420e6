import type { MlflowSchema } from './kind.ts';

/** Tables that are read. What entity_associations says beside the experiments of datasets is part of traces. */
export const read: ReadonlySet<string> = new Set([
  'alembic_version',
  'experiments',
  'experiment_tags',
  'runs',
  'params',
  'tags',
  'latest_metrics',
  'metrics',
  'datasets',
  'inputs',
  'input_tags',
  'logged_models',
  'logged_model_params',
  'logged_model_tags',
  'logged_model_metrics',
  'registered_models',
  'registered_model_tags',
  'registered_model_aliases',
  'model_versions',
  'model_version_tags',
  'evaluation_datasets',
  'evaluation_dataset_tags',
  'evaluation_dataset_records',
  'entity_associations',
]);

/** What MLflow has and we do not serve. */
interface NotServed {
  readonly words: string;
  /** Tables that only say more of the same things, or are made of them. */
  readonly parts?: readonly string[];
  /** Which rows are of people's making, where not all are. */
  readonly where?: string;
}

/** By the table that counts it. */
const notServed: Readonly<Record<string, NotServed>> = {
  trace_info: {
    words: 'traces',
    parts: [
      'trace_tags',
      'trace_request_metadata',
      'trace_metrics',
      'spans',
      'span_metrics',
      'sql_trace_metric_daily_rollups',
      'sql_span_cost_daily_rollups',
      'sql_trace_rollup_rebuild_queue',
    ],
  },
  assessments: { words: 'assessments of traces', parts: ['sql_assessment_daily_rollups'] },
  webhooks: { words: 'webhooks', parts: ['webhook_events'] },
  scorers: { words: 'scorers', parts: ['scorer_versions', 'online_scoring_configs'] },
  issues: { words: 'issues' },
  jobs: { words: 'jobs', parts: ['job_locks', 'scheduler_leases'] },
  secrets: { words: 'gateway secrets' },
  endpoints: {
    words: 'gateway endpoints',
    parts: ['endpoint_model_mappings', 'endpoint_bindings', 'endpoint_tags'],
  },
  model_definitions: { words: 'gateway model definitions' },
  budget_policies: { words: 'gateway budget policies' },
  guardrails: { words: 'gateway guardrails', parts: ['guardrail_configs'] },
  label_schemas: { words: 'label schemas' },
  review_queues: {
    words: 'review queues',
    parts: ['review_queue_users', 'review_queue_items', 'review_queue_label_schemas'],
  },
  mcp_servers: {
    words: 'MCP servers',
    parts: [
      'mcp_server_versions',
      'mcp_server_tags',
      'mcp_server_version_tags',
      'mcp_server_aliases',
      'mcp_access_endpoints',
    ],
  },
  workspaces: { words: 'settings of workspaces', where: "name <> 'default'" },
  users: {
    words: 'users',
    parts: [
      'alembic_version_auth',
      'roles',
      'role_permissions',
      'user_role_assignments',
      'experiment_permissions',
      'registered_model_permissions',
      'scorer_permissions',
      'workspace_permissions',
      'gateway_secret_permissions',
      'gateway_endpoint_permissions',
      'gateway_model_definition_permissions',
    ],
  },
};

/** Every table that is read, counted or part of one. */
const known: ReadonlySet<string> = new Set([
  ...read,
  ...Object.entries(notServed).flatMap(([table, { parts = [] }]) => [table, ...parts]),
]);

/**
 * Says what the database holds that is not copied, or not seen.
 *
 * @param count how many rows the statement has.
 */
export async function remarksOn(
  schema: MlflowSchema,
  count: (rows: string) => number | Promise<number>,
): Promise<string[]> {
  const left: string[] = [];
  for (const [table, { words, where = 'true' }] of Object.entries(notServed)) {
    const records = schema.has(table) ? await count(`select 1 from ${table} where ${where}`) : 0;
    if (records > 0) left.push(`${words} (${records})`);
  }
  for (const table of schema.readable.filter((one) => !known.has(one))) {
    const records = await count(`select 1 from "${table.replaceAll('"', '""')}"`);
    if (records > 0) left.push(`the table ${table} (${records})`);
  }
  const roots = ['experiments', 'registered_models', 'evaluation_datasets'];
  const ofOthers = roots
    .filter((table) => schema.has(table, 'workspace'))
    .map((table) => `select 1 from ${table} where workspace <> 'default'`);
  const elsewhere = ofOthers.length > 0 ? await count(ofOthers.join(' union all ')) : 0;
  return [
    ...(left.length > 0 ? [`Not copied, because it is not served yet: ${left.join(', ')}.`] : []),
    ...(elsewhere > 0
      ? [
          `${elsewhere} experiments, registered models and evaluation datasets are of other workspaces than default: they are copied, and not served yet.`,
        ]
      : []),
  ];
}
