import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { connect } from './pool.ts';
import { translateDatabaseError } from './sqlstate.ts';

const codeOf = (error: unknown) => (error instanceof MlflowError ? error.code : undefined);
const failed = (code: string, more: object = {}) =>
  Object.assign(new Error('as Postgres says it'), { code, ...more });

test.each([
  ['22001', 'INVALID_PARAMETER_VALUE'],
  ['22021', 'INVALID_PARAMETER_VALUE'],
  ['22003', 'INVALID_PARAMETER_VALUE'],
  ['54001', 'INVALID_PARAMETER_VALUE'],
  ['40P01', 'TEMPORARILY_UNAVAILABLE'],
  ['57P01', 'TEMPORARILY_UNAVAILABLE'],
  ['53300', 'TEMPORARILY_UNAVAILABLE'],
  ['53100', 'TEMPORARILY_UNAVAILABLE'],
  ['42601', undefined],
])('SQLSTATE %s is %s to a client', (state, code) => {
  expect(codeOf(translateDatabaseError(failed(state)))).toBe(code);
});

test('what PgBouncer calls a protocol violation is a database that is away; one that Postgres finds is a bug', () => {
  const name = 'PostgresError';
  expect(codeOf(translateDatabaseError(failed('08P01', { name })))).toBe('TEMPORARILY_UNAVAILABLE');
  const ofPostgres = failed('08P01', { name, routine: 'exec_bind_message' });
  expect(translateDatabaseError(ofPostgres)).toBe(ofPostgres);
});

test('a socket that is missing is a database that is away; a file that is missing is not', async () => {
  const sql = connect({ host: '/nowhere/at/all', port: 1, max: 1 });
  const ofSocket = await sql`select 1`.catch((error) => error);
  expect(ofSocket).toMatchObject({ code: 'ENOENT' });
  expect(codeOf(translateDatabaseError(ofSocket))).toBe('TEMPORARILY_UNAVAILABLE');
  await sql.end({ timeout: 0 });
  const ofFile = await readFile('/nowhere/at/all').catch((error) => error);
  expect(translateDatabaseError(ofFile)).toBe(ofFile);
});
