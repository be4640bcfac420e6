import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import { type Python, startPython } from './python.ts';
import { openVisitor, type Visitor } from './visitor.ts';

/** Somebody who changes things on the pages, and sees through MLflow's client whether it took. */
export interface Editor extends Visitor {
  /** The value of an expression in Python, in which `client` is an `MlflowClient`. */
  readonly python: Python['value'];
  /** Waits until the expression has the value. */
  expect(expression: string, value: unknown): Promise<void>;
  button(name: string | RegExp, within?: Locator): Locator;
  /** What is open above the page. */
  readonly dialog: Locator;
  /** Presses the button that confirms what is open, and waits until that is closed. */
  confirm(name: string): Promise<void>;
  /** Chooses from a menu that a press on `trigger` opens. */
  choose(trigger: Locator, item: string | RegExp): Promise<void>;
  /** What MLflow's own tests look for. */
  part(name: string): Locator;
  /** Adds a tag to those in the dialog that is open, and saves them. */
  addTag(key: string, value: string): Promise<void>;
  row(text: string): Locator;
}

/** Each edit is a test, on a page and a client that the file has for all of them. */
export function edits(all: Readonly<Record<string, (editor: Editor) => Promise<void>>>): void {
  let editor: Editor;
  let client: Python;
  beforeAll(async () => {
    client = startPython();
    editor = editorOf(await openVisitor(), client);
    // Its packages are imported at the first use.
    await client.value('client.search_experiments()');
  });
  afterAll(async () => {
    client?.end();
    await editor?.close();
  });
  test.for(Object.keys(all))('%s', async (name) => {
    editor.problems();
    onTestFailed(() => editor.look(`failed-${name.replaceAll(/\W+/g, '-')}`));
    await all[name]?.(editor);
    await editor.settled();
    expect(editor.problems()).toEqual([]);
  });
}

function editorOf(visitor: Visitor, client: Python): Editor {
  const { page } = visitor;
  const dialog = page.getByRole('dialog').filter({ visible: true }).last();
  const button = (name: string | RegExp, within: Locator | undefined = undefined) =>
    (within ?? page)
      .getByRole('button', typeof name === 'string' ? { name, exact: true } : { name })
      .filter({ visible: true });
  const confirm = async (name: string) => {
    await button(name, dialog).click();
    await dialog.waitFor({ state: 'detached' });
    await visitor.settled();
  };
  return {
    ...visitor,
    dialog,
    button,
    python: client.value,
    expect: (expression, value) =>
      expect.poll(() => client.value(expression), { timeout: 5000 }).toEqual(value),
    confirm,
    async choose(trigger, item) {
      await trigger.click();
      await page
        .getByRole('menuitem')
        .or(page.locator('.du-bois-light-dropdown-menu-item'))
        .filter({ hasText: item, visible: true })
        .first()
        .click();
    },
    part: (name) => page.getByTestId(name).filter({ visible: true }),
    async addTag(key, value) {
      await dialog.getByRole('combobox').first().fill(key);
      await page.keyboard.press('Enter');
      await dialog.getByPlaceholder('Type a value').fill(value);
      await button('Add tag', dialog).click();
      await confirm('Save tags');
    },
    row: (text) => page.getByRole('row').filter({ hasText: text }),
  };
}
