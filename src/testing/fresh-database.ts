import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { Sql } from '../contract/sql.ts';
import { connect, type DatabaseOptions } from '../db/pool.ts';

export const templateName = 'tabularium_template';

export interface FreshDatabase {
  readonly sql: Sql;
  /** For a second pool, or a server process, on the same database. */
  readonly options: DatabaseOptions;
  drop(): Promise<void>;
}

/** A migrated, empty database of its own for one test file (about 0.1 s); with `template0`, one without our schema. */
export async function freshDatabase(template = templateName): Promise<FreshDatabase> {
  const server = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = connect({ ...server, database: 'postgres', max: 1 });
  await admin`create database ${admin(name)} template ${admin(template)}`;
  await admin.end();
  const options = { ...server, database: name };
  const sql = connect(options);
  return {
    sql,
    options,
    async drop() {
      await sql.end({ timeout: 1 });
      const again = connect({ ...server, database: 'postgres', max: 1 });
      await again`drop database ${again(name)} with (force)`;
      await again.end();
    },
  };
}
