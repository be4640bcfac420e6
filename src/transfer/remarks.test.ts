import { expect, test } from 'vitest';
import { kinds } from './kinds.ts';
import { type Column, readSchema } from './mlflow-schema.ts';
import { read, remarksOn } from './remarks.ts';

const schemaOf = (tables: readonly string[], readable: readonly string[] = tables) =>
  readSchema(
    tables.map((table): Column => ({ table, column: 'x', readable: readable.includes(table) })),
    'ctid',
  );

/** The tables that the statements of all kinds name. */
function tablesOfKinds(): Set<string> {
  const newest = { has: () => true, readable: [], rowOrder: 'ctid' } as const;
  const statements = kinds.map((kind) => kind.mlflow(newest) ?? '').join(' ');
  return new Set([...statements.matchAll(/\b(?:from|join) (\w+)/g)].map(([, table]) => table as string));
}

test('the tables that are read are those of the kinds', () => {
  expect([...tablesOfKinds(), 'alembic_version'].sort()).toEqual([...read].sort());
});

test('what is not served is counted, its parts are not', async () => {
  const counted: string[] = [];
  const count = (rows: string) => counted.push(rows);
  expect(await remarksOn(schemaOf(['runs', 'scorers', 'scorer_versions', 'workspaces']), count)).toEqual([
    'Not copied, because it is not served yet: scorers (1), settings of workspaces (2).',
  ]);
  expect(counted).toEqual([
    'select 1 from scorers where true',
    "select 1 from workspaces where name <> 'default'",
  ]);
});

test('a table that is in no list is named where it has rows and may be read', async () => {
  const tables = ['runs', 'new "things"', 'empty', 'hidden'];
  const schema = schemaOf(
    tables,
    tables.filter((table) => table !== 'hidden'),
  );
  const count = (rows: string) => (rows === 'select 1 from "new ""things"""' ? 3 : 0);
  expect(await remarksOn(schema, count)).toEqual([
    'Not copied, because it is not served yet: the table new "things" (3).',
  ]);
});
