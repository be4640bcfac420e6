import { StartError } from '../contract/start-error.ts';
import { connect, type DatabaseOptions } from '../db/pool.ts';
import { beginSnapshot, linesOfCursor } from './cursor.ts';
import { type Kind, linesOf } from './kind.ts';
import {
  type Column,
  checkRevision,
  checkTables,
  counting,
  keyOfPlace,
  pageOf,
  placeOf,
  readSchema,
} from './mlflow-schema.ts';
import { remarksOn } from './remarks.ts';
import type { Source } from './source.ts';

/**
 * Opens an MLflow database on Postgres. All that is read is of one moment: a transaction that stays open until the
 * end.
 *
 * @param name the database in words, without its password.
 */
export async function openMlflowPostgres(name: string, options: DatabaseOptions): Promise<Source> {
  const sql = connect({ ...options, max: 1, max_lifetime: null, idle_timeout: 0 });
  const close = () => sql.end({ timeout: 1 });
  try {
    await beginSnapshot(sql).catch((cause: Error) => {
      throw new StartError(`The database ${name} cannot be reached (${cause.message}): check --from.`, {
        cause,
      });
    });
    const columns = await sql.unsafe<Column[]>(`
      select c.relname as table, a.attname as column, has_table_privilege(c.oid, 'select') as readable
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relkind in ('r', 'p') and pg_table_is_visible(c.oid)
        and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('alembic_version'))
      order by c.relname`);
    const schema = readSchema(columns, 'ctid');
    checkTables(name, schema);
    const [revision] = await sql.unsafe('select version_num from alembic_version');
    checkRevision(name, revision?.version_num);
    const count = async (rows: string) => Number((await sql.unsafe(counting(rows)))[0]?.records);
    return {
      name,
      close,
      count: async (kind) => {
        const rows = kind.mlflow(schema);
        return rows === undefined ? 0 : count(rows);
      },
      async *read(kind, from) {
        const rows = kind.mlflow(schema);
        if (rows === undefined) return;
        const after = keyOfPlace(from);
        const page = pageOf(kind, rows, after, (at) => `$${at}::text::${typeOfKey(kind, at)}`);
        for await (const lines of linesOfCursor(sql, linesOf(kind, page), after))
          yield { lines, place: placeOf(kind, lines.at(-1) as string) };
      },
      remarks: () => remarksOn(schema, count),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const typeOfKey = ({ key, fields }: Kind, at: number) => fields[key[at - 1] as string];
