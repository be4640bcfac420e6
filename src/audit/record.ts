import type { AuditEntry } from '../contract/operation.ts';
import type { Scope } from '../contract/scope.ts';
import type { Fragment } from '../contract/sql.ts';
import { part } from '../db/part.ts';

export interface Author {
  readonly scope: Scope;
  readonly actor: string;
  /** The RPC. */
  readonly action: string;
  readonly requestId: string;
}

/** The `insert` of one audit row, if `from` (a CTE of the changing statement) has any row. */
export function auditInsert(author: Author, entry: AuditEntry, from: Fragment): Fragment {
  const name = typeof entry.name === 'string' ? entry.name : entry.name(from);
  const detail = entry.detail ? JSON.stringify(entry.detail) : null;
  return part`insert into tabularium.audit (workspace, actor, action, kind, name, request_id, detail)
    select ${author.scope.workspace}, ${author.actor}, ${author.action}, ${entry.kind}, ${name},
      ${author.requestId}, ${detail}::text::jsonb
    where exists (select from ${from})`;
}
