import type { Fragment, PendingQuery, Sql as PostgresSql, Row, TransactionSql } from 'postgres';

/** The tag of every query. int8 columns arrive as bigint, int4 and float8 as number, json as text (see `db/pool.ts`). */
export type Sql = PostgresSql<{ bigint: bigint; json: string }>;

/** The tag within `sql.begin`. */
export type Transaction = TransactionSql<{ bigint: bigint; json: string }>;

export type { Fragment };
export type Query = PendingQuery<Row[]>;
