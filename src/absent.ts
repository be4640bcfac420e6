import { notFound } from './contract/error.ts';
import type { Rpc } from './contract/operation.ts';
import type { AbsentOperation, StreamedRpc } from './http/mount.ts';
import type { ImplementedRpc } from './operations.ts';

const traces = 'traces are not served yet';
const judges = 'judges are not served yet';
const reviews = 'the review of traces is not served yet';
const issues = 'issues, which are found in traces, are not served yet';
const gateway = 'the AI gateway is not served: server-info says so';
const jobs = 'there are no jobs yet that optimise prompts';
const webhooks = 'webhooks are not served yet';
const workspaces = 'workspaces are not served yet: server-info says so';

const none = () => ({});
/** Where MLflow writes the token of the next page, though there is none. */
const lastPage = () => ({ next_page_token: '' });

const missing = (message: string): never => {
  throw notFound(message);
};
const noQueue = ({ queue_id }: { queue_id: string }) =>
  missing(`Review queue with id '${queue_id}' not found.`);
const noScorer = ({ name, experiment_id }: { name: string; experiment_id: string }) =>
  missing(`Scorer with name '${name}' not found for experiment ${experiment_id}.`);

/**
 * Every RPC that is not written yet, and why (`npm run coverage` prints them). Those with an answer are reads of the
 * web UI: they answer as an MLflow in which nobody has used them. The others answer 404 without a body, as MLflow does
 * for a route without a handler.
 */
export const absent: { readonly [R in Exclude<Rpc, ImplementedRpc | StreamedRpc>]: AbsentOperation<R> } = {
  setTraceTag: { reason: traces },
  deleteTraceTag: { reason: traces },
  setTraceTagV3: { reason: traces },
  deleteTraceTagV3: { reason: traces },
  startTrace: { reason: traces },
  searchTraces: { reason: traces, answer: none },
  endTrace: { reason: traces },
  getTraceInfo: {
    reason: traces,
    answer: ({ request_id }) => missing(`Trace with ID '${request_id}' not found.`),
  },
  getTraceInfoV3: {
    reason: traces,
    answer: ({ trace_id }) => missing(`Trace with ID '${trace_id}' not found.`),
  },
  getTrace: { reason: traces, answer: ({ trace_id }) => missing(`Trace with ID ${trace_id} is not found.`) },
  batchGetTraces: { reason: traces, answer: none },
  batchGetTraceInfos: { reason: traces, answer: none },
  searchTracesV3: { reason: traces, answer: none },
  startTraceV3: { reason: traces },
  linkTracesToRun: { reason: traces },
  linkPromptsToTrace: { reason: traces },
  searchUnifiedTraceHandler: { reason: traces },
  getOnlineTraceDetails: { reason: traces },
  deleteTraces: { reason: traces },
  deleteTracesV3: { reason: traces },
  calculateTraceFilterCorrelation: { reason: traces },
  queryTraceMetrics: { reason: traces, answer: none },
  listWorkspaces: { reason: workspaces },
  createWorkspace: { reason: workspaces },
  getWorkspace: { reason: workspaces },
  updateWorkspace: { reason: workspaces },
  deleteWorkspace: { reason: workspaces },
  getAssessment: {
    reason: traces,
    answer: ({ trace_id }) => missing(`Trace with request_id '${trace_id}' not found`),
  },
  updateAssessment: { reason: traces },
  deleteAssessment: { reason: traces },
  createAssessment: { reason: traces },
  createIssue: { reason: issues },
  updateIssue: { reason: issues },
  getIssue: { reason: issues, answer: ({ issue_id }) => missing(`Issue with ID '${issue_id}' not found`) },
  searchIssues: { reason: issues, answer: lastPage },
  createLabelSchema: { reason: reviews },
  getLabelSchema: {
    reason: reviews,
    answer: ({ schema_id }) => missing(`Label schema with id '${schema_id}' not found.`),
  },
  getLabelSchemaByName: {
    reason: reviews,
    answer: ({ name, experiment_id }) =>
      missing(`Label schema with name '${name}' not found for experiment '${experiment_id}'.`),
  },
  listLabelSchemas: { reason: reviews, answer: lastPage },
  updateLabelSchema: { reason: reviews },
  deleteLabelSchema: { reason: reviews },
  registerScorer: { reason: judges },
  listScorers: { reason: judges, answer: none },
  listScorerVersions: { reason: judges, answer: noScorer },
  getScorer: { reason: judges, answer: noScorer },
  deleteScorer: { reason: judges },
  createGatewaySecret: { reason: gateway },
  getGatewaySecretInfo: { reason: gateway },
  updateGatewaySecret: { reason: gateway },
  deleteGatewaySecret: { reason: gateway },
  listGatewaySecretInfos: { reason: gateway, answer: none },
  createGatewayEndpoint: { reason: gateway },
  getGatewayEndpoint: { reason: gateway },
  updateGatewayEndpoint: { reason: gateway },
  deleteGatewayEndpoint: { reason: gateway },
  listGatewayEndpoints: { reason: gateway, answer: none },
  createGatewayModelDefinition: { reason: gateway },
  getGatewayModelDefinition: { reason: gateway },
  listGatewayModelDefinitions: { reason: gateway, answer: none },
  updateGatewayModelDefinition: { reason: gateway },
  deleteGatewayModelDefinition: { reason: gateway },
  attachModelToEndpoint: { reason: gateway },
  detachModelFromEndpoint: { reason: gateway },
  createEndpointBinding: { reason: gateway },
  deleteEndpointBinding: { reason: gateway },
  listEndpointBindings: { reason: gateway, answer: none },
  setGatewayEndpointTag: { reason: gateway },
  deleteGatewayEndpointTag: { reason: gateway },
  createBudgetPolicy: { reason: gateway },
  getBudgetPolicy: { reason: gateway },
  updateBudgetPolicy: { reason: gateway },
  deleteBudgetPolicy: { reason: gateway },
  listBudgetPolicies: { reason: gateway, answer: none },
  listBudgetWindows: { reason: gateway, answer: none },
  createGatewayGuardrail: { reason: gateway },
  getGatewayGuardrail: { reason: gateway },
  deleteGatewayGuardrail: { reason: gateway },
  listGatewayGuardrails: { reason: gateway, answer: none },
  addGuardrailToEndpoint: { reason: gateway },
  removeGuardrailFromEndpoint: { reason: gateway },
  listEndpointGuardrailConfigs: { reason: gateway },
  updateEndpointGuardrailConfig: { reason: gateway },
  createPromptOptimizationJob: { reason: jobs },
  getPromptOptimizationJob: {
    reason: jobs,
    answer: ({ job_id }) => missing(`Job with ID ${job_id} not found`),
  },
  deletePromptOptimizationJob: { reason: jobs },
  searchPromptOptimizationJobs: { reason: jobs, answer: none },
  cancelPromptOptimizationJob: { reason: jobs },
  createReviewQueue: { reason: reviews },
  getOrCreateUserQueue: { reason: reviews },
  getReviewQueue: { reason: reviews, answer: noQueue },
  getReviewQueueByName: {
    reason: reviews,
    answer: ({ name, experiment_id }) =>
      missing(`Review queue with name '${name}' not found for experiment '${experiment_id}'.`),
  },
  listReviewQueues: { reason: reviews, answer: lastPage },
  updateReviewQueue: { reason: reviews },
  deleteReviewQueue: { reason: reviews },
  addItemsToReviewQueue: { reason: reviews },
  removeItemsFromReviewQueue: { reason: reviews },
  listReviewQueueItems: { reason: reviews, answer: noQueue },
  setReviewQueueItemStatus: { reason: reviews },
  createWebhook: { reason: webhooks },
  listWebhooks: { reason: webhooks, answer: none },
  getWebhook: {
    reason: webhooks,
    answer: ({ webhook_id }) => missing(`Webhook with ID ${webhook_id} not found.`),
  },
  updateWebhook: { reason: webhooks },
  deleteWebhook: { reason: webhooks },
  testWebhook: { reason: webhooks },
};
