import { invalidParameter } from '../../contract/error.ts';
import type { Call } from '../../contract/operation.ts';
import { parseUri } from '../../contract/uri.ts';
import { findRunOrigin } from '../runs/store.ts';

/** With `--strict-sources`, refuses a version whose bytes lie where this server reads none. */
export async function refuseForeignSource(
  call: Call,
  source: string,
  storageLocation: string,
): Promise<void> {
  const { mayPointTo } = call.settings;
  if (!mayPointTo) return;
  const { scheme, path } = parseUri(storageLocation);
  const runId = scheme === 'runs' ? path.split('/')[1] : undefined;
  const run = runId ? await call.find((sql) => findRunOrigin(sql, call.scope, runId)) : undefined;
  const location = scheme === 'runs' ? run?.artifactUri : storageLocation;
  if (location && mayPointTo(location)) return;
  throw invalidParameter(
    `Invalid model version source: '${source}'. This server registers only what lies below its own artifact roots.`,
  );
}
