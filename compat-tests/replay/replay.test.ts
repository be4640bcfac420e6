import { afterAll, beforeAll, expect, test } from 'vitest';
import { everLater, makeApp, type TestApp } from '../../src/testing/make-app.ts';
import { allowList } from './allow-list.ts';
import { allowedFor, isNamed, recorded } from './expected.ts';
import type { Answer } from './normalise.ts';
import { play } from './player.ts';
import { steps } from './steps.ts';

let app: TestApp;
let answers: Map<string, Answer>;
beforeAll(async () => {
  app = await makeApp({}, undefined, everLater());
  answers = await play(steps, (request) => app.request(request), 'http://127.0.0.1:5000');
}, 120_000);
afterAll(() => app.close());

test('everything was recorded, and nothing else', () => {
  expect(Object.keys(recorded)).toEqual(steps.map((step) => step.name));
});

test.for(steps.map((step) => step.name))('%s', (name) => {
  const allowed = allowedFor(name);
  expect(allowed.length, 'entries of the allow-list').toBeLessThan(2);
  const theirs = recorded[name] as Answer;
  const ours = allowed[0]?.ours(theirs);
  expect(ours, 'the allow-list lists no difference').not.toEqual(theirs);
  expect(answers.get(name)).toEqual(ours ?? theirs);
});

test('each entry of the allow-list is of use', () => {
  const idle = allowList
    .flatMap(({ requests }) => requests)
    .filter((request) => !steps.some((step) => isNamed(request, step.name)));
  expect(idle).toEqual([]);
});

test('every operation that is to be recorded has left its row in the audit log, and no other has', async () => {
  const rows = await app.sql<{ action: string }[]>`select distinct action from tabularium.audit`;
  expect(rows.map(({ action }) => action).toSorted()).toEqual(app.recorded.toSorted());
});
