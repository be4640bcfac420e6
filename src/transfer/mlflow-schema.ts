import { StartError } from '../contract/start-error.ts';
import type { Kind, MlflowSchema } from './kind.ts';

/** The schemas that are read, by the revision in alembic_version: those of mlflow 2.22 to 3.17. */
const known = new Set([
  '0584bdc529eb',
  '400f98739977',
  '6953534de441',
  'bda7b8c39065',
  'cbc13b556ace',
  '770bee3ae1dd',
  'a1b2c3d4e5f6',
  'de4033877273',
  '1a0cddfcaa16',
  '534353b11cbc',
  '71994744cf8e',
  '3da73c924c2f',
  'bf29a5ff90ea',
  '1bd49d398cd23',
  'b7c8d9e0f1a2',
  '5d2d30f0abce',
  'c9d4e5f6a7b8',
  '2c33131f4dae',
  'd3e4f5a6b7c8',
  'd0e1f2a3b4c5',
  'c8d9e0f1a2b3',
  '1b5f0d9ad7c1',
  'e1f2a3b4c5d6',
  '76601a5f987d',
  'c3d6457b6d8a',
  'a5b4c3d2e1f0',
  'ae8bbe7743c9',
  '7d34483879f0',
  'da6fb0208061',
  '89d3d66ed43f',
  'b7e4c1a90f23',
  'a8b9c0d1e2f3',
  'c1d2e3f4a5b6',
  'c3d9e7f1a2b4',
  '6f8d9c3b2a1e',
  '1971f2d9a75b',
  '17e22815139b',
  'b7e2c1a4d9f3',
  '75868b020152',
  'dc11669786a5',
]);

/** The schemas of mlflow before 2.22. */
const old = new Set([
  '451aebb31d03',
  '90e64c465722',
  '181f10493468',
  'df50e92ffc5e',
  '7ac759974ad8',
  '89d4b8295536',
  '2b4d017a5e9b',
  'cfd24bdc0731',
  '0a8213491aaa',
  '728d730b5ebd',
  '27a6a02d2cf1',
  '84291f40a231',
  'a8c4a736bde6',
  '39d1c3be5f05',
  'c48cb773bb87',
  'bd07f7e963c5',
  '0c779009ac13',
  'cc1f77228345',
  '97727af70f4d',
  '3500859a5d39',
  '7f2a7d5fae7d',
  '2d6e25af4d3e',
  'acf3f17fdcc7',
  '867495a8f9d4',
  '5b0e9adcef9c',
  '4465047574b1',
  'f5a4f2784254',
]);

/** A column, and whether the rows of its table may be read. */
export interface Column {
  readonly table: string;
  readonly column: string;
  readonly readable: unknown;
}

/** The tables of one database with their columns. */
export function readSchema(columns: readonly Column[], rowOrder: MlflowSchema['rowOrder']): MlflowSchema {
  const all = new Set(columns.flatMap(({ table, column }) => [table, `${table}.${column}`]));
  return {
    rowOrder,
    has: (table, column) => all.has(column ? `${table}.${column}` : table),
    readable: [...new Set(columns.filter(({ readable }) => readable).map(({ table }) => table))],
  };
}

/**
 * @param revision what alembic_version says.
 * @throws StartError where a schema is none that is read.
 */
export function checkRevision(name: string, revision: string | undefined): void {
  if (revision !== undefined && known.has(revision)) return;
  if (revision !== undefined && old.has(revision))
    throw new StartError(
      `The tables in ${name} are those of an MLflow before 2.22: bring them up to date with \`mlflow db upgrade\`, and import then.`,
    );
  throw new StartError(
    `The tables in ${name} are of a schema that is not known here (${revision ?? 'alembic_version is empty'}): MLflow 2.22 to 3.17 can be imported; look for a newer Tabularium.`,
  );
}

/** @throws StartError where the database has no tables of MLflow's. */
export function checkTables(name: string, schema: MlflowSchema): void {
  if (!['alembic_version', 'experiments', 'runs', 'registered_models'].every((table) => schema.has(table)))
    throw new StartError(`There are no MLflow tables in ${name}: check --from.`);
}

/** How many records there are of a kind: a statement with the column `records`. */
export const counting = (rows: string): string => `select count(*) as records from (${rows}) r`;

/**
 * The rows of a kind behind a key, in the order of the key. Its values take the places `value(1)`, `value(2)`, … .
 */
export function pageOf(
  { key }: Kind,
  rows: string,
  after: readonly string[] | undefined,
  value: (at: number) => string,
): string {
  const columns = key.join(', ');
  // The first column once more, by itself: both databases then enter by its index.
  const behind = after
    ? `where ${key[0]} >= ${value(1)} and (${columns}) > (${key.map((_, i) => value(i + 1)).join(', ')})`
    : '';
  return `select * from (${rows}) r ${behind} order by ${columns}`;
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** The place of a line: its key, numbers as they were written, as a JSON list of texts. */
export function placeOf({ key }: Kind, line: string): string {
  const asWritten: Reviver = (_, value, { source }) => (typeof value === 'number' ? source : value);
  const record = JSON.parse(line, asWritten as (key: string, value: unknown) => unknown);
  return JSON.stringify(key.map((field) => String(record[field])));
}

export const keyOfPlace = (place: string | null): string[] | undefined =>
  place === null ? undefined : JSON.parse(place);
