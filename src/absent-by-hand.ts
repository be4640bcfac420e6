import { MlflowError, notFound } from './contract/error.ts';
import type { AbsentRoute } from './http/absent-routes.ts';

const assistant = 'the assistant, which runs programs of the machine, is not served';
const gateway = 'the AI gateway is not served: server-info says so';
const registry = 'the registry of MCP servers is not served yet';
const traces = 'traces are not served yet';
const judges = 'judges are not served yet';
const jobs = 'there are no jobs yet';
const accounts = 'users and roles are not served yet';
const telemetry = 'nobody is told what users do in the UI';
const demo = 'there is no demo data, which is of traces mostly';

const ajax2 = '/ajax-api/2.0/mlflow';
const ajax3 = '/ajax-api/3.0/mlflow';

const missing = (message: string): never => {
  throw notFound(message);
};
const noTrace = (query: URLSearchParams) => {
  const id = query.get('request_id');
  if (!id) throw new MlflowError('BAD_REQUEST', 'Request must include the "request_id" query parameter.');
  return missing(`Trace with ID ${id} is not found.`);
};
const noMcpServers = () => ({ mcp_servers: [], next_page_token: null });
const noMcpEndpoints = () => ({ mcp_access_endpoints: [], next_page_token: null });

/** The like of `absent.ts` for addresses of MLflow that stand in no descriptor. */
export const absentRoutes: readonly AbsentRoute[] = [
  {
    routes: [`GET ${ajax3}/ui-telemetry`],
    reason: telemetry,
    answer: () => ({ disable_ui_events: [], disable_ui_telemetry: true, ui_rollout_percentage: 0 }),
  },
  { routes: [`POST ${ajax3}/ui-telemetry`], reason: telemetry, answer: () => ({ status: 'disabled' }) },
  // Not even an MLflow without accounts knows these: the UI takes the 404 as its answer.
  {
    routes: [
      `GET ${ajax2}/users/current`,
      `GET ${ajax2}/users/list`,
      `GET ${ajax3}/users/current/permissions`,
    ],
    reason: accounts,
    answer: 'unknown',
  },
  {
    routes: [`GET ${ajax3}/assistant/config`],
    reason: assistant,
    answer: () => ({ providers: {}, projects: {}, remote_access_allowed: false }),
  },
  {
    routes: [`GET ${ajax3}/assistant/providers`],
    reason: `${assistant}: it has no providers, of which MLflow names four`,
    answer: () => ({ providers: [], resolved: null, gateway_vendor_options: {} }),
  },
  {
    routes: [`PUT ${ajax3}/assistant/config`, `POST ${ajax3}/assistant/message`],
    reason: assistant,
  },
  {
    routes: [`GET ${ajax2}/gateway-proxy`, `POST ${ajax2}/gateway-proxy`],
    reason: gateway,
    answer: () => ({ endpoints: [] }),
  },
  {
    routes: [`GET ${ajax3}/gateway/supported-providers`],
    reason: `${gateway}, so it supports none`,
    answer: () => ({ providers: [] }),
  },
  {
    routes: [`GET ${ajax3}/gateway/supported-models`],
    reason: `${gateway}, so it supports none`,
    answer: () => ({ models: [] }),
  },
  {
    routes: [`GET ${ajax3}/gateway/secrets/config`],
    reason: gateway,
    answer: () => ({ secrets_available: true, using_default_passphrase: true }),
  },
  { routes: [`GET ${ajax3}/gateway/provider-config`, `POST ${ajax3}/scorer/invoke`], reason: gateway },
  {
    routes: [`GET ${ajax3}/mcp-servers`, 'GET /api/3.0/mlflow/mcp-servers'],
    reason: registry,
    answer: noMcpServers,
  },
  {
    routes: [`GET ${ajax3}/mcp-servers/endpoints`, 'GET /api/3.0/mlflow/mcp-servers/endpoints'],
    reason: registry,
    answer: noMcpEndpoints,
  },
  { routes: [`POST ${ajax3}/mcp-servers`, 'POST /api/3.0/mlflow/mcp-servers'], reason: registry },
  {
    routes: [`GET ${ajax2}/get-trace-artifact`, `GET ${ajax3}/get-trace-artifact`],
    reason: traces,
    answer: noTrace,
  },
  {
    routes: [`GET ${ajax3}/scorers/online-configs`, 'GET /api/3.0/mlflow/scorers/online-configs'],
    reason: judges,
    answer: () => ({ configs: [] }),
  },
  { routes: ['POST /ajax-api/3.0/jobs/search'], reason: jobs, answer: () => ({ jobs: [] }) },
  {
    routes: [`POST ${ajax3}/demo/generate`, `POST ${ajax3}/demo/delete`],
    reason: demo,
  },
  {
    routes: [
      `PUT ${ajax3}/scorers/online-config`,
      `POST ${ajax3}/issues/invoke`,
      `POST ${ajax3}/genai/evaluate/invoke`,
      `POST ${ajax2}/runs/create-promptlab-run`,
    ],
    reason: jobs,
  },
];
