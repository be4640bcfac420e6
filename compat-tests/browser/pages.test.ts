import { afterAll, beforeAll, describe, expect, inject, onTestFailed, test } from 'vitest';
import { openVisitor, type Visitor } from './visitor.ts';

/** Every page of the UI, with what was seeded on it. */

const { experiment, runs, models } = inject('seeded');
const [first = '', second = ''] = runs;
const [model = ''] = models;
const ofExperiment = `/experiments/${experiment}`;
const query = (fields: Record<string, unknown>) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(JSON.stringify(value))}`)
    .join('&');

/** Name of the picture, place, and what it says. */
type Place = readonly [name: string, route: string, ...texts: string[]];

/** The pages for those who train models. */
const training: readonly Place[] = [
  ['home', '/', 'Welcome to MLflow', 'fraud'],
  ['experiments', '/experiments', 'fraud', 'risk', 'Default'],
  ['runs', `${ofExperiment}/runs`, 'Which transfers are', 'forest-0', 'forest-5', 'transfers'],
  ['runs-charts', `${ofExperiment}/runs?compareRunsMode=CHART`, 'accuracy', 'val_loss'],
  ['runs-artifacts', `${ofExperiment}/runs?compareRunsMode=ARTIFACT`, 'table.json', 'question'],
  ['logged-models', `${ofExperiment}/models`, 'model', 'forest-3'],
  ['logged-models-charts', `${ofExperiment}/models?viewMode=CHART`, 'auc'],
  [
    'run',
    `${ofExperiment}/runs/${first}`,
    'forest-0',
    'Finished',
    'fold-1',
    'depth',
    'fraud-clf',
    'transfers',
  ],
  ['run-metrics', `${ofExperiment}/runs/${first}/model-metrics`, 'accuracy', 'loss'],
  ['run-system-metrics', `${ofExperiment}/runs/${first}/system-metrics`, 'cpu_utilization_percentage'],
  ['run-artifact', `${ofExperiment}/runs/${first}/artifacts/table.json`, 'question'],
  ['run-traces', `${ofExperiment}/runs/${first}/traces`],
  ['run-artifacts', `${ofExperiment}/runs/${second}/artifacts`, 'table.json'],
  [
    'metric',
    `/metric?${query({ runs: [first, second], metric: 'loss', experiments: [experiment], plot_metric_keys: ['loss'] })}` +
      '&plot_layout={}&x_axis=step&y_axis_scale=linear&line_smoothness=1&show_point=false&deselected_curves=[]' +
      '&last_linear_y_axis_range=[]',
    'loss',
  ],
  ['logged-model', `${ofExperiment}/models/${model}`, 'Ready', 'forest-0', 'auc'],
  ['logged-model-artifacts', `${ofExperiment}/models/${model}/artifacts`, 'MLmodel'],
  ['logged-model-traces', `${ofExperiment}/models/${model}/traces`],
  ['compare-experiments', `/compare-experiments/s?${query({ experiments: [experiment, '0'] })}`, 'forest-0'],
  ['models', '/models', 'fraud-clf', 'empty-model', 'champion'],
  ['models-found', '/models?searchQuery=FRAUD', 'fraud-clf'],
  ['model', '/models/fraud-clf', 'Version 4', 'champion', 'payments', 'review'],
  ['model-version', '/models/fraud-clf/versions/2', 'champion', 'reviewed', 'forest-1', 'Production'],
  ['settings', '/settings'],
  ['settings-webhooks', '/settings/webhooks'],
];

/** The pages for those who write agents, but for those of the gateway, which the UI hides where `server-info` has none. */
const agents: readonly Place[] = [
  ['agents-home', '/', 'Welcome to MLflow'],
  ['experiment-overview', ofExperiment, 'Which transfers are'],
  ['traces', `${ofExperiment}/traces`],
  ['sessions', `${ofExperiment}/chat-sessions`],
  ['judges', `${ofExperiment}/judges`],
  ['evaluation-datasets', `${ofExperiment}/datasets`],
  ['evaluation-runs', `${ofExperiment}/evaluation-runs`],
  ['review-queue', `${ofExperiment}/review-queue`],
  ['playground', `${ofExperiment}/playground`],
  ['experiment-prompts', `${ofExperiment}/prompts`],
  ['experiment-prompt', `${ofExperiment}/prompts/greeting`, 'Version 3'],
  ['agent-versions', `${ofExperiment}/models`, 'forest-3'],
  ['prompts', '/prompts', 'greeting', 'chat'],
  ['chat-prompt', '/prompts/chat', 'You are {{style}}.'],
  ['prompt', '/prompts/greeting', 'Dear {{who}}, how are you?', 'live'],
  ['settings-connections', '/settings/llm-connections'],
  ['mcp-registry', '/mcp-registry'],
];

describe.for([
  { workflow: 'machine_learning', places: training },
  { workflow: 'genai', places: agents },
] as const)('$workflow', ({ workflow, places }) => {
  let visitor: Visitor;
  beforeAll(async () => {
    visitor = await openVisitor({ workflow });
  });
  afterAll(() => visitor?.close());

  test.for(places)('%s', async ([name, route, ...texts]) => {
    visitor.problems();
    onTestFailed(() => visitor.look(`failed-${name}`));
    await visitor.goto(route);
    for (const text of texts) await visitor.page.getByText(text).filter({ visible: true }).first().waitFor();
    await visitor.look(name);
    expect(visitor.problems()).toEqual([]);
  });
});
