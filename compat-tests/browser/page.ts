import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContextOptions, Page, Request } from 'playwright-core';

/** What the tests and the bench know of pages of the UI. */

/** How long an answer may take, in milliseconds. */
const patience = 60_000;

/** Whose pages they are: the UI shows others to people who train models than to those who write agents. */
export type Workflow = 'machine_learning' | 'genai';

/** What the browser of somebody remembers who has closed what greets a new user. */
const localStorage = {
  'mlflow.assistant.fab.autoOpenedOnFirstLoad_v1': 'true',
  'mlflow.assistant.panelOpen_v1': 'false',
  _mlflow_model_registry_promo_modal_dismissed_v1: 'true',
};

/** Of a browser in which nobody else has been; `more` is remembered as well. */
export const settingsOf = (
  url: string,
  workflow: Workflow,
  more: Readonly<Record<string, string>> = {},
): BrowserContextOptions => ({
  // A machine without a language has none that `Intl` knows.
  locale: 'en-US',
  timezoneId: 'UTC',
  viewport: { width: 1440, height: 900 },
  storageState: {
    cookies: [],
    origins: [
      {
        origin: new URL(url).origin,
        localStorage: Object.entries({
          ...localStorage,
          'mlflow.workflowType_v1': JSON.stringify(workflow),
          ...more,
        }).map(([name, value]) => ({ name, value })),
      },
    ],
  },
});

/** Notes what goes wrong on a page of the server at `url`, and knows when it has all that it asked for. */
export function watch(page: Page, url: string) {
  const noted: string[] = [];
  const waiting = new Set<Request>();
  let last = performance.now();
  const short = (text: string) => text.replaceAll(url, '').slice(0, 600);
  const answered = (request: Request) => {
    waiting.delete(request);
    last = performance.now();
  };
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    noted.push(`console: ${short(message.text())} ${short(message.location().url)}`);
  });
  page.on('pageerror', (error) => noted.push(`uncaught: ${short(error.message)}`));
  page.on('request', (request) => {
    // The browser does not tell a page what became of a worker's script.
    if (!request.url().endsWith('.worker.js')) waiting.add(request);
    last = performance.now();
  });
  page.on('requestfinished', answered);
  page.on('requestfailed', (request) => {
    answered(request);
    // What the page itself gives up, because somebody went on, is no failure.
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') noted.push(`failed: ${request.method()} ${short(request.url())} ${why}`);
  });
  // A body that the page does not read never finishes.
  page.on('response', (response) => {
    answered(response.request());
    if (response.status() < 400) return;
    noted.push(`${response.status()}: ${response.request().method()} ${short(response.url())}`);
  });
  return {
    noted,
    /** Waits until the page has asked for nothing for `rest` milliseconds. */
    async settled(rest = 250) {
      last = Math.max(last, performance.now() - rest / 2);
      while (performance.now() - last < (waiting.size > 0 ? patience : rest)) await sleep(20);
      for (const request of waiting) noted.push(`no answer: ${request.method()} ${short(request.url())}`);
      waiting.clear();
    },
  };
}
