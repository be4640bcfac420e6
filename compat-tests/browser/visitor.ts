import { join } from 'node:path';
import { chromium, type Locator, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { allowed } from './allow-list.ts';
import { settingsOf, type Workflow, watch } from './page.ts';
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

/** How the UI says that something failed, whatever it was. */
const errorTexts =
  /(something went wrong|error occurred|failed to|can't load|cannot (load|be)|unable to|could not|couldn't|not supported|internal server error|load error|not found|invalid|error:)/i;

/** @param options `url` of the server, if it is not that of all tests. */
export async function openVisitor(
  options: { readonly url?: string; readonly workflow?: Workflow } = {},
): Promise<Visitor> {
  const { url = inject('url'), workflow = 'machine_learning' } = options;
  const browser = await chromium.connect(inject('endpoint'));
  const context = await browser.newContext(settingsOf(url, workflow));
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
    close: () => browser.close(),
  };
}
