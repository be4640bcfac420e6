import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Locator, type Page, type Request } from 'playwright-core';
import { inject } from 'vitest';
import { allowed } from './allow-list.ts';
import { screenshots } from './setup.ts';

/** A person at the browser, who notes whatever goes wrong on a page. */
export interface Visitor {
  readonly page: Page;
  /** Goes to a place of the UI (`/models`) and waits until its calls have come to an end. */
  goto(route: string): Promise<void>;
  /** Waits until the page has all that it asked for. */
  settled(): Promise<void>;
  /** What is marked with MLflow's own name for a control. */
  control(component: string): Locator;
  /** Notes the page as it is: its picture, and what it says of errors. */
  look(name: string): Promise<void>;
  /** What went wrong since the last time, but for what a real server shows as well. */
  problems(): string[];
  close(): Promise<void>;
}

/** A page is at rest when it has asked for nothing for so many milliseconds. */
const rest = 250;

/** How long an answer may take, in milliseconds. */
const patience = 10_000;

/** Whose pages they are: the UI shows others to people who train models than to those who write agents. */
type Workflow = 'machine_learning' | 'genai';

/** What the browser of somebody remembers who has closed what greets a new user. */
const localStorage = {
  'mlflow.assistant.fab.autoOpenedOnFirstLoad_v1': 'true',
  'mlflow.assistant.panelOpen_v1': 'false',
  _mlflow_model_registry_promo_modal_dismissed_v1: 'true',
};

/** How the UI says that something failed, whatever it was. */
const errorTexts =
  /(something went wrong|error occurred|failed to|can't load|cannot (load|be)|unable to|could not|couldn't|not supported|internal server error|load error|not found|invalid|error:)/i;

const connections = new Map<string, Promise<Browser>>();

/** All visitors of one test file come by one connection. */
const connected = (endpoint: string): Promise<Browser> => {
  const connection = connections.get(endpoint) ?? chromium.connect(endpoint);
  connections.set(endpoint, connection);
  return connection;
};

/** @param options `url` of the server, if it is not that of all tests. */
export async function openVisitor(
  options: { readonly url?: string; readonly workflow?: Workflow } = {},
): Promise<Visitor> {
  const { url = inject('url'), workflow = 'machine_learning' } = options;
  const browser = await connected(inject('endpoint'));
  const context = await browser.newContext({
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
          }).map(([name, value]) => ({ name, value })),
        },
      ],
    },
  });
  // The browser may keep to itself what it refuses; the libraries of the UI catch what they get for it.
  await context.addInitScript(`document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    console.error('refused by the policy: ' + violatedDirective + ' ' + blockedURI))`);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const { noted, settled } = watch(page, url);
  return {
    page,
    settled,
    async goto(route) {
      await page.goto(`${url}/#${route}`);
      await settled();
    },
    control: (component) => page.locator(`[data-component-id="${component}"]:visible`),
    async look(name) {
      await settled();
      const text = await page.locator('body').innerText();
      for (const line of text.split('\n')) if (errorTexts.test(line)) noted.push(`says: ${line}`);
      await page.screenshot({ path: join(screenshots, `${name}.png`) });
    },
    problems: () => noted.splice(0).filter((one) => !allowed.some(({ what }) => what.test(one))),
    close: () => context.close(),
  };
}

function watch(page: Page, url: string) {
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
    async settled() {
      last = Math.max(last, performance.now() - rest / 2);
      while (performance.now() - last < (waiting.size > 0 ? patience : rest)) await sleep(20);
      for (const request of waiting) noted.push(`no answer: ${request.method()} ${short(request.url())}`);
      waiting.clear();
    },
  };
}
