import postgres from 'postgres';
import type { Fragment } from '../contract/sql.ts';

/** What postgres.js takes for a part where it stands in a statement; this client never connects. */
const likeParts: object = Object.getPrototypeOf(postgres({ max: 1 })`part`);

/**
 * The tag of what is only a part of statements, on whatever connection; parts without values are made once, for all of
 * them. What the tag of a connection makes will do as well, but is a promise besides, which costs ten times as much, and
 * a statement may have twenty parts.
 */
export const part = (strings: TemplateStringsArray, ...args: readonly unknown[]): Fragment =>
  Object.assign(Object.create(likeParts), { strings, args });

/** No part at all. */
export const nothing: Fragment = part``;
