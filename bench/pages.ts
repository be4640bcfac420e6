import { chromium, type Page } from 'playwright-core';
import { allowed } from '../compat-tests/browser/allow-list.ts';
import { startChromium } from '../compat-tests/browser/chromium.ts';
import { settingsOf, watch } from '../compat-tests/browser/page.ts';
import { experiments, histories, modelName } from './content.ts';
import { untilQuiet } from './load.ts';
import type { Bench } from './measure.ts';
import { startMemory } from './memory.ts';
import { type Figure, lineOfFigure } from './report.ts';
import { type Server, startMlflow, startTabularium } from './servers.ts';

/** Pages of the web UI, opened in one browser on both servers, and with all answers from memory, in turns. */

/** In the order of text, which is the UI's. */
const all = JSON.stringify(Array.from({ length: experiments }, (_, i) => String(i + 1)).sort());
const ofAll = `/compare-experiments/s?experiments=${encodeURIComponent(all)}`;
const withHistory = encodeURIComponent('metrics.h > 0');

/** The place of each page, and a text that it shows when it is there. */
const pages = [
  { name: `runs of one experiment`, route: '/experiments/1/runs', text: 'matching runs' },
  { name: `runs of all ${experiments} experiments`, route: ofAll, text: 'matching runs' },
  { name: 'model with its versions', route: `/models/${modelName(1)}`, text: 'Version 1' },
  {
    name: `charts of ${histories.runs} runs x ${histories.points} points`,
    route: `${ofAll}&searchFilter=${withHistory}&compareRunsMode=CHART`,
    text: 'Model metrics',
  },
] as const;

/** What the UI remembers of its table of runs: that more than the first ten are drawn. */
const shown = {
  [`MLflowLocalStorage-1.1-ExperimentPage-${all}-ReactComponentState`]: JSON.stringify({
    runsHiddenMode: 'FIRST_20_RUNS',
  }),
};

/** Visits that are counted, for each repeat of the bench. */
const visits = 3;
const bar = { ofMlflow: 0.1 } as const;

/** `memory`: what the UI takes by itself, for every answer is in memory when it asks. */
type Target = 'mlflow' | 'tabularium' | 'memory';

interface Side {
  readonly target: Target;
  readonly url: string;
  /** Of the server that works. */
  readonly pid: number;
  readonly page: Page;
  readonly settled: (rest: number) => Promise<void>;
  /** What went wrong. */
  readonly noted: string[];
}

export async function measurePages(bench: Bench): Promise<void> {
  const { python, command, databases, folder, size, say } = bench;
  const browser = await startChromium();
  const servers = {
    mlflow: await startMlflow(python, databases.mlflow, folder),
    tabularium: await startTabularium(command, databases.tabularium, folder, { ui: true }),
  };
  await untilQuiet([servers.mlflow.pid, bench.postgres], 2000);
  const memory = await startMemory(servers.tabularium.url);
  const sides = [
    await openSide('mlflow', servers.mlflow, browser.endpoint),
    await openSide('tabularium', servers.tabularium, browser.endpoint),
    await openSide('memory', { ...servers.tabularium, ...memory }, browser.endpoint),
  ];
  for (const { name, route, text } of pages) {
    const times: Record<Target, Visit[]> = { mlflow: [], tabularium: [], memory: [] };
    // The first visit brings what the browser and the servers keep.
    for (let visit = 0; visit <= visits * bench.repeats; visit++)
      for (const side of visit % 2 ? sides.toReversed() : sides) {
        const taken = await open(side, route, text);
        if (visit > 0) times[side.target].push(taken);
        await untilQuiet([side.pid, bench.postgres]);
      }
    const figureOf = (field: keyof Visit) => ({
      unit: 's',
      size: size.name,
      mlflow: times.mlflow.map((one) => one[field]),
      tabularium: times.tabularium.map((one) => one[field]),
      memory: times.memory.map((one) => one[field]),
    });
    const figures: Figure[] = [
      { name, bar, ...figureOf('seconds') },
      { name: `${name}: with a call open`, ...figureOf('waiting') },
    ];
    bench.result.figures.push(...figures);
    for (const figure of figures) say(lineOfFigure(figure));
  }
  await browser.close();
  memory.stop();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
}

async function openSide(
  target: Target,
  { url, pid }: Pick<Server, 'url' | 'pid'>,
  endpoint: string,
): Promise<Side> {
  const browser = await chromium.connect(endpoint);
  const context = await browser.newContext(settingsOf(url, 'machine_learning', shown));
  const page = await context.newPage();
  return { target, url, pid, page, ...watch(page, url) };
}

/** In milliseconds: longer than the UI thinks between two calls. */
const rest = 1000;

/** Seconds from the click to the end of the last call, and those of them in which the page waited for a call. */
interface Visit {
  readonly seconds: number;
  readonly waiting: number;
}

/** Opens the page from one that asks for next to nothing. */
async function open({ url, page, settled, noted }: Side, route: string, text: string): Promise<Visit> {
  await page.goto('about:blank');
  await page.goto(`${url}/#/settings`);
  await settled(rest);
  noted.length = 0;
  const begin: unknown = await page.evaluate(`performance.clearResourceTimings();
    performance.setResourceTimingBufferSize(10_000);
    const begin = performance.now();
    location.hash = ${JSON.stringify(route)};
    begin`);
  await settled(rest);
  await page.getByText(text).filter({ visible: true }).first().waitFor();
  const wrong = noted.filter((one) => !allowed.some(({ what }) => what.test(one)));
  if (wrong.length > 0) throw new Error(`${url}/#${route} goes wrong:\n${wrong.join('\n')}`);
  const calls = (await page.evaluate(`performance.getEntriesByType('resource')
    .filter(({ initiatorType }) => ['fetch', 'xmlhttprequest'].includes(initiatorType))
    .map(({ startTime, responseEnd }) => [startTime, responseEnd])`)) as [number, number][];
  let end = Number(begin);
  let waiting = 0;
  for (const [from, to] of calls.toSorted(([a], [b]) => a - b)) {
    waiting += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return { seconds: (end - Number(begin)) / 1000, waiting: waiting / 1000 };
}
