import cluster, { type Worker } from 'node:cluster';
import type { Handler, MiddlewareHandler } from 'hono';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { WatchDatabase } from './call.ts';
import { mlflowVersion, unmeasuredPaths } from './health.ts';

export interface Prometheus {
  /** Counts and times each request but those of machines: the probes and `/metrics` itself. */
  readonly measure: MiddlewareHandler;
  readonly watch: WatchDatabase;
  /** Answers `/metrics`, which stands below no prefix, for all workers together. */
  readonly answer: Handler;
}

/** The buckets of Python's prometheus_client, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** How many connections to the database a process may open. */
export interface Connections {
  readonly statements: number;
  readonly transactions: number;
}

interface PrometheusOptions {
  readonly staticPrefix: string;
  /** Ours. */
  readonly version: string;
  readonly connections: Connections;
  /** Asks how much work waits for each job. */
  readonly waiting: Readonly<Record<string, () => Promise<number>>>;
}

/**
 * The metrics of `mlflow server --expose-prometheus` by their names and labels, so that dashboards go on working
 * (`mlflow/server/prometheus_exporter.py` over prometheus_flask_exporter); our own, `tabularium_…`; and those of the
 * process by the names that all of Node's have.
 */
export function createPrometheus({
  staticPrefix,
  version,
  connections,
  waiting,
}: PrometheusOptions): Prometheus {
  const registry = new Registry();
  const duration = new Histogram({
    name: 'mlflow_http_request_duration_seconds',
    help: 'HTTP request duration in seconds',
    labelNames: ['method', 'mlflow_version', 'status'] as const,
    buckets,
    registers: [registry],
  });
  const total = new Counter({
    name: 'mlflow_http_request_total',
    help: 'Total number of HTTP requests',
    labelNames: ['method', 'status'] as const,
    registers: [registry],
  });
  const exceptions = new Counter({
    name: 'mlflow_http_request_exceptions_total',
    help: 'Total number of HTTP requests which resulted in an exception',
    labelNames: ['method', 'status'] as const,
    registers: [registry],
  });
  new Gauge({
    name: 'mlflow_exporter_info',
    help: 'Information about the exporter',
    labelNames: ['version'] as const,
    aggregator: 'first',
    registers: [registry],
  }).set({ version }, 1);

  const requests = new Counter({
    name: 'tabularium_http_requests_total',
    help: 'Requests answered, by operation and HTTP status code',
    labelNames: ['operation', 'code'] as const,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'tabularium_http_request_duration_seconds',
    help: 'Time from a request to the head of its answer, by operation',
    labelNames: ['operation'] as const,
    buckets,
    registers: [registry],
  });
  const uses = new Gauge({
    name: 'tabularium_database_uses_in_flight',
    help: 'Uses of the database that are under way or wait for a connection',
    labelNames: ['pool'] as const,
    registers: [registry],
  });
  const most = new Gauge({
    name: 'tabularium_database_connections_max',
    help: 'Connections to the database that may be open',
    labelNames: ['pool'] as const,
    registers: [registry],
  });
  most.set({ pool: 'statements' }, connections.statements);
  most.set({ pool: 'transactions' }, connections.transactions);
  const statements = uses.labels('statements');
  const transactions = uses.labels('transactions');
  for (const pool of [statements, transactions]) pool.set(0);
  new Gauge({
    name: 'tabularium_jobs_waiting',
    help: 'What waits for a job of the background',
    labelNames: ['job'] as const,
    // All workers ask the same database.
    aggregator: 'max',
    registers: [registry],
    async collect() {
      this.reset();
      for (const [job, ask] of Object.entries(waiting)) {
        // While the database is away the others are told all the same.
        const count = await ask().catch(() => undefined);
        if (count !== undefined) this.set({ job }, count);
      }
    },
  });
  collectDefaultMetrics({ register: registry });

  if (cluster.isWorker) answerPrimary(registry);
  const unmeasured = unmeasuredPaths(staticPrefix);

  return {
    measure: async (c, next) => {
      if (unmeasured.has(c.req.path)) return next();
      const start = performance.now();
      await next();
      const took = (performance.now() - start) / 1000;
      const { status } = c.res;
      const labels = { method: c.req.method, status };
      duration.observe({ ...labels, mlflow_version: mlflowVersion }, took);
      total.inc(labels);
      if (c.error && status === 500) exceptions.inc(labels);
      // Paths that nobody serves are as many as clients think of.
      const operation = c.get('operation') ?? 'none';
      requests.inc({ operation, code: status });
      seconds.observe({ operation }, took);
    },
    watch: async (verb, use) => {
      const pool = verb === 'transaction' ? transactions : statements;
      pool.inc();
      try {
        return await use();
      } finally {
        pool.dec();
      }
    },
    answer: async (c) => {
      const text = cluster.isWorker ? await askPrimary() : await registry.metrics();
      return c.body(text, 200, { 'content-type': registry.contentType });
    },
  };
}

// A scrape reaches one worker, which knows its own requests only: it asks the primary, which asks all workers.

interface Message {
  readonly type: 'tabularium:metrics';
  readonly id: number;
  readonly text?: string;
  readonly error?: string;
}

const isOurs = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && (message as Message).type === 'tabularium:metrics';

/** Lets the primary gather the metrics of its workers; called there once, before it forks. */
export function gatherMetricsOfWorkers(): void {
  const aggregator = new AggregatorRegistry();
  cluster.on('message', (worker: Worker, message: unknown) => {
    if (!isOurs(message)) return;
    const { type, id } = message;
    aggregator.clusterMetrics().then(
      (text) => worker.isConnected() && worker.send({ type, id, text } satisfies Message),
      (error: Error) =>
        worker.isConnected() && worker.send({ type, id, error: error.message } satisfies Message),
    );
  });
}

function answerPrimary(registry: Registry): void {
  AggregatorRegistry.setRegistries(registry);
  // Its constructor listens for the primary's questions.
  new AggregatorRegistry();
}

let questions = 0;

function askPrimary(): Promise<string> {
  questions += 1;
  const id = questions;
  return new Promise((resolve, reject) => {
    const listener = (message: unknown) => {
      if (!isOurs(message) || message.id !== id) return;
      process.off('message', listener);
      if (message.text === undefined) reject(new Error(message.error));
      else resolve(message.text);
    };
    process.on('message', listener);
    process.send?.({ type: 'tabularium:metrics', id } satisfies Message);
  });
}
