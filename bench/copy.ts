import { once } from 'node:events';
import type { Sql } from '../src/contract/sql.ts';
import { openDatabase } from './postgres.ts';

/** Rows of one COPY. */
const rows = 10_000;
const metrics = 10;

/**
 * The most that Postgres takes: COPY of points into the table of metrics, by so many sessions for so long.
 *
 * @returns points per second.
 */
export async function copyPoints(url: string, sessions: number, seconds: number): Promise<number> {
  const clients = Array.from({ length: sessions }, () => openDatabase(url));
  const [first] = clients as [Sql, ...Sql[]];
  const runs = await first`select id from tabularium.runs order by id limit ${sessions}`;
  const keys = await first`select id from tabularium.metric_keys order by id limit ${metrics}`;
  const begin = performance.now();
  let copied = 0;
  const session = async (sql: Sql, run: bigint) => {
    for (let turn = 1; performance.now() - begin < seconds * 1000; turn++) {
      const lines: string[] = [];
      for (const { id } of keys)
        for (let step = 0; step < rows / metrics; step++)
          lines.push(`${run}\t${id}\t${Date.now()}\t${turn * rows + step}\t${step / 7}\tf\n`);
      const into =
        await sql`copy tabularium.metrics (run, key_id, timestamp, step, value, is_nan) from stdin`.writable();
      into.end(lines.join(''));
      await once(into, 'finish');
      copied += lines.length;
    }
  };
  await Promise.all(clients.map((sql, i) => session(sql, runs[i]?.id)));
  const took = (performance.now() - begin) / 1000;
  await Promise.all(clients.map((sql) => sql.end()));
  return copied / took;
}
