import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openVisitor, type Visitor } from './visitor.ts';

/**
 * Script in names, descriptions, tags, values and files does not run: each would mark its frame and the page, and call
 * `/marked`. MLflow's own server lets HTML artifacts run in a sandboxed frame, so
 * there the preview of `page.html` fails.
 */

const { experiment, runs, model, name, files } = inject('seeded').hostile;
const [run = '', other = ''] = runs;
const ofExperiment = `/experiments/${experiment}`;
const named = encodeURIComponent(name);
const query = (fields: Record<string, unknown>) =>
  Object.entries(fields)
    .map(([key, value]) => `${key}=${encodeURIComponent(JSON.stringify(value))}`)
    .join('&');

const places: readonly (readonly [name: string, route: string])[] = [
  ['home', '/'],
  ['experiments', '/experiments'],
  ['runs', `${ofExperiment}/runs`],
  ['charts', `${ofExperiment}/runs?compareRunsMode=CHART`],
  ['artifacts of runs', `${ofExperiment}/runs?compareRunsMode=ARTIFACT`],
  ['run', `${ofExperiment}/runs/${run}`],
  ['metrics of a run', `${ofExperiment}/runs/${run}/model-metrics`],
  ['logged models', `${ofExperiment}/models`],
  ['logged model', `${ofExperiment}/models/${model}`],
  ['comparison of runs', `/compare-runs?${query({ runs, experiments: [experiment] })}`],
  ['models', '/models'],
  ['model', `/models/${named}`],
  ['version', `/models/${named}/versions/1`],
  ['comparison of versions', `/compare-model-versions?${query({ name, runs: { 1: run, 2: other } })}`],
  ['prompts', '/prompts'],
  ['prompt', '/prompts/hostile'],
];

let visitor: Visitor;
const called: string[] = [];
beforeAll(async () => {
  visitor = await openVisitor();
  visitor.page.on('request', (request) => {
    if (request.url().includes('/marked')) called.push(request.url());
  });
});
afterAll(() => visitor?.close());

/** What is looked at does not do anything. */
async function expectInert(place: string): Promise<void> {
  const { page } = visitor;
  await visitor.look(`inert-${place.replaceAll(/\W+/g, '-')}`);
  for (const frame of page.frames()) expect(await frame.evaluate('window.marked')).toBeUndefined();
  expect(called.splice(0)).toEqual([]);
  expect(await page.locator('[href^="javascript:" i]').count()).toBe(0);
}

test.for(places)('%s', async ([place, route]) => {
  await visitor.goto(route);
  await expectInert(place);
});

test.for(files)('the preview of %s', async (file) => {
  const { page } = visitor;
  await visitor.goto(`${ofExperiment}/runs/${run}/artifacts`);
  await page.getByText(file, { exact: true }).first().click();
  await page.getByText(`/artifacts/${file}`).waitFor();
  if (file === 'map.geojson') {
    await page.locator('.leaflet-marker-icon').click();
    await page.locator('.leaflet-popup').waitFor();
  }
  await expectInert(file);
});

test.for(files)('the address of %s saves it', async (file) => {
  const { page } = visitor;
  const address = `${inject('url')}/get-artifact?path=${encodeURIComponent(file)}&run_uuid=${run}`;
  const [download] = await Promise.all([page.waitForEvent('download'), page.goto(address).catch(() => {})]);
  expect(download.suggestedFilename()).not.toBe('');
  await download.cancel();
});
