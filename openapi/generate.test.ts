import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { routes } from '../src/generated/routes.ts';
import { rpcs } from '../src/generated/rpcs.ts';
import { generate } from './generate/generate.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test('what is committed is what generation gives', async () => {
  for (const [name, text] of Object.entries(await generate(read('mlflow.openapi.json')))) {
    expect(read(`../src/generated/${name}`), name).toBe(text);
  }
});

test('all of MLflow 3.17.2 is described', () => {
  expect(Object.keys(rpcs)).toHaveLength(183);
  expect(routes).toHaveLength(187);
  expect(routes.filter(({ notImplemented }) => notImplemented).map(({ rpc }) => rpc)).toEqual([
    'searchDatasets',
    'searchUnifiedTraceHandler',
    'getOnlineTraceDetails',
  ]);
});
