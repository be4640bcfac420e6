import { randomBytes } from 'node:crypto';
import postgres, { type Sql } from 'postgres';
import type { ProvidedContext } from 'vitest';

export interface EmptyDatabase {
  /** As a user writes it for `--backend-store-uri`. */
  readonly uri: string;
  readonly sql: Sql;
  drop(): Promise<void>;
}

/** A new database without any table, on the Postgres that all test files share. */
export async function postgresUri(server: ProvidedContext['postgres']): Promise<EmptyDatabase> {
  const name = `start_${randomBytes(6).toString('hex')}`;
  const admin = postgres({ ...server, database: 'postgres', max: 1 });
  await admin`create database ${admin(name)} template template0`;
  const sql = postgres({ ...server, database: name, max: 1 });
  const { user, password, host, port } = server as Record<string, string>;
  const where = new URLSearchParams({ host: String(host), port: String(port) });
  return {
    uri: `postgresql://${user}:${encodeURIComponent(String(password))}@/${name}?${where}`,
    sql,
    async drop() {
      await sql.end({ timeout: 1 });
      await admin`drop database ${admin(name)} with (force)`;
      await admin.end();
    },
  };
}
