import { join } from 'node:path';
import { Hono } from 'hono';
import type { Logger } from 'pino';
import { absent } from './absent.ts';
import { absentRoutes } from './absent-by-hand.ts';
import { artifactPlaces } from './artifact-places.ts';
import { type Config, packageVersion } from './config.ts';
import { everything } from './contract/scope.ts';
import type { Sql } from './contract/sql.ts';
import { type Ask, createAsk, findLines } from './db/ask.ts';
import { createReadiness } from './db/readiness.ts';
import { translateDatabaseError } from './db/sqlstate.ts';
import { createTogether } from './db/together.ts';
import { createPipeline } from './db/transaction.ts';
import { mountAbsentRoutes } from './http/absent-routes.ts';
import { mountArtifacts } from './http/artifacts.ts';
import { mountByHand } from './http/by-hand.ts';
import type { WatchDatabase } from './http/call.ts';
import { notFoundPage } from './http/error.ts';
import { mountGovernance } from './http/governance.ts';
import { mountGraphql } from './http/graphql.ts';
import { healthRoutes } from './http/health.ts';
import { identifyRequests, mountOperations, refuseOtherVerbs, refuseWorkspaces } from './http/mount.ts';
import { openapiRoutes } from './http/openapi.ts';
import { createPrometheus } from './http/prometheus.ts';
import { RememberingRouter } from './http/router.ts';
import { createSecurity } from './http/security.ts';
import { createTracing } from './http/tracing.ts';
import { mountUi } from './http/ui.ts';
import { canReach } from './objects/locate.ts';
import { operationsWith } from './operations.ts';
import { loggedModelUri, modelVersionUri, runArtifactUri } from './resources/artifacts/locations.ts';
import { metricHistoryBulk } from './resources/metrics/operations.ts';
import { versionDigest } from './resources/pins/digest.ts';
import { guardedPlaces } from './resources/pins/guard.ts';
import { Pinner } from './resources/pins/pinner.ts';
import { countDue } from './resources/pins/store.ts';
import { Uploads } from './resources/pins/uploads.ts';
import { countWaiting } from './resources/runs/documents.ts';
import { installedUi } from './ui/install.ts';

/** Opens what `buildApp` takes as `sql`, for those who embed the app (docs/decisions/0007). */
export { connect } from './db/pool.ts';

export interface AppDependencies {
  readonly sql: Sql;
  readonly config: AppConfig;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Logger;
  /** What is done about a web UI that is not there, in one sentence. */
  readonly uiProgress?: () => string;
}

/** What the app itself needs of the configuration. */
export type AppConfig = Pick<
  Config,
  | 'staticPrefix'
  | 'artifactsOnly'
  | 'serveArtifacts'
  | 'artifactsDestination'
  | 'allowedSourceRoots'
  | 'strictSources'
  | 's3'
  | 'allowedHosts'
  | 'corsAllowedOrigins'
  | 'xFrameOptions'
  | 'securityMiddleware'
  | 'exposePrometheus'
  | 'telemetry'
  | 'settings'
  | 'rootPath'
  | 'ui'
  | 'graphqlLimits'
>;

/** Connections for transactions, besides those of the pool. */
const lanes = 8;

/** The whole server as a function from request to answer; nothing listens yet. */
export function buildApp({ sql, config, clock, log, uiProgress }: AppDependencies): Hono {
  const { staticPrefix, artifactsOnly } = config;
  const app = new Hono({ router: new RememberingRouter() });
  const version = packageVersion();
  const asks = createAsk(sql);
  const watchers: WatchDatabase[] = [];
  if (config.telemetry) {
    const tracing = createTracing({ staticPrefix, version });
    // Before all others, so that what they log belongs to the span.
    app.use(tracing.trace);
    watchers.push(tracing.watch);
  }
  identifyRequests(app, log, translateDatabaseError);
  if (config.exposePrometheus) {
    const connections = { statements: sql.options.max + findLines, transactions: lanes };
    const prometheus = createPrometheus({
      staticPrefix,
      version,
      connections,
      // Where only artifacts are served there is no database to ask.
      waiting: artifactsOnly
        ? {}
        : {
            'documents of runs': () => asks.find(countWaiting),
            'copies of versions': () => asks.find(countDue),
          },
    });
    app.use(prometheus.measure);
    app.get('/metrics', prometheus.answer);
    watchers.push(prometheus.watch);
  }
  if (config.securityMiddleware) app.use(createSecurity(config));
  app.use(refuseWorkspaces);
  const unguarded = artifactPlaces({ ...config, defaultArtifactRoot: config.settings.defaultArtifactRoot });
  const uploads = new Uploads(asks.ask);
  // Where only artifacts are served, no database says what was registered.
  const places = artifactsOnly ? unguarded : guardedPlaces(unguarded, { find: asks.find, uploads, log });
  const presigns = places.served?.presign !== undefined;
  const checkReady = artifactsOnly ? async () => {} : createReadiness(sql);
  app.route('/', healthRoutes(staticPrefix, presigns, checkReady));
  // Without the web UI, the page of the API is what `/` shows.
  if (config.ui)
    mountUi(app, {
      staticPrefix,
      rootPath: config.rootPath,
      folder: join(installedUi(config.ui.folder), 'build'),
      progress: uiProgress ?? (() => 'The web UI is not installed: run `tabularium ui install`.'),
    });
  app.route('/', openapiRoutes(staticPrefix, config.rootPath, absent));
  const watch = watchBy(watchers);
  const watched =
    (verb: 'read' | 'write', put: Ask): Ask =>
    (question) =>
      watch ? watch(verb, () => put(question)) : put(question);
  const find = watched('read', asks.find);
  const ask = watched('read', asks.ask);
  const together = createTogether(watched('write', asks.ask));
  const db = { ...asks, together, pipeline: createPipeline(sql, lanes), watch };
  mountArtifacts(app, {
    places,
    artifactsOnly,
    staticPrefix,
    locate: {
      runArtifactUri: (id) => find((tag) => runArtifactUri(tag, everything, id)),
      modelVersionUri: (name, version) => find((tag) => modelVersionUri(tag, everything, name, version)),
      loggedModelUri: (id) => find((tag) => loggedModelUri(tag, everything, id)),
    },
  });
  mountByHand(app, {
    artifactsOnly,
    staticPrefix,
    historyBulk: (query) => ask((tag) => metricHistoryBulk(tag, everything, query)),
  });
  mountGovernance(app, {
    artifactsOnly,
    staticPrefix,
    versionDigest: (name, version) => find((tag) => versionDigest(tag, everything, name, version)),
  });
  const { serveArtifacts, graphqlLimits } = config;
  const settings = {
    ...config.settings,
    mayPointTo: config.strictSources ? (uri: string) => canReach(uri, places) : undefined,
  };
  const pinner = new Pinner({ ask: asks.ask, transaction: db.pipeline, places: unguarded, uploads, log });
  const operations = operationsWith(places, pinner);
  const mounted = { operations, absent, db, settings, clock, staticPrefix, artifactsOnly, serveArtifacts };
  mountOperations(app, mounted);
  mountGraphql(app, { ...mounted, graphqlLimits });
  mountAbsentRoutes(app, { absentRoutes, artifactsOnly, staticPrefix });
  refuseOtherVerbs(app);
  app.notFound(notFoundPage(config.rootPath));
  return app;
}

/** The watchers as one, the first innermost; undefined where there is none. */
const watchBy = (watchers: readonly WatchDatabase[]): WatchDatabase | undefined =>
  watchers.length === 0
    ? undefined
    : (verb, use) => watchers.reduce<typeof use>((inner, watcher) => () => watcher(verb, inner), use)();
