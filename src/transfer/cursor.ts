import type { Sql } from '../contract/sql.ts';

/** Rows that are fetched at a time. */
const atOnce = 500;

/**
 * The column `line` of all rows of a statement, some hundreds at a time, in constant memory. Within a transaction on a
 * client of a single connection, one after the other.
 */
export async function* linesOfCursor(
  sql: Sql,
  statement: string,
  values: string[] = [],
): AsyncGenerator<string[]> {
  await sql.unsafe(`declare records no scroll cursor for ${statement}`, values);
  for (;;) {
    const rows = await sql.unsafe(`fetch ${atOnce} from records`);
    if (rows.length === 0) break;
    yield rows.map(({ line }) => line);
  }
  await sql.unsafe('close records');
}

/** Opens the transaction in which a database is read as it is at this moment. */
export async function beginSnapshot(sql: Sql): Promise<void> {
  await sql.unsafe('begin isolation level repeatable read read only');
  // Doubles in full, also before Postgres 12; and plans that begin at once, along an index, in place of a sort of all.
  await sql.unsafe('set local extra_float_digits = 3');
  await sql.unsafe('set local cursor_tuple_fraction = 0.000001');
}
