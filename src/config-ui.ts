import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from './config.ts';
import { StartError } from './contract/start-error.ts';
import type { GraphqlLimits } from './http/graphql-limits.ts';
import type { UiPlace } from './ui/install.ts';

/** The web UI lies beside the sources of a clone, or where an image has it beside the program; else with the data. */
export function uiPlaceOf(wheel: string | undefined, dataDir: string, env: Environment): UiPlace {
  const beside = fileURLToPath(new URL('../.ui', import.meta.url));
  const isClone = import.meta.url.endsWith('.ts');
  return {
    folder: isClone || existsSync(beside) ? beside : join(dataDir, 'ui'),
    wheel: wheel && resolve(wheel),
    // Under the name that pip has for it.
    index: env.PIP_INDEX_URL || undefined,
  };
}

/** MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS and MLFLOW_SERVER_GRAPHQL_MAX_ALIASES. */
export const graphqlLimitsOf = (env: Environment): GraphqlLimits => ({
  rootFields: limitOf(env, 'MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS'),
  aliases: limitOf(env, 'MLFLOW_SERVER_GRAPHQL_MAX_ALIASES'),
});

function limitOf(env: Environment, name: string): number {
  const text = env[name] || '10';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new StartError(`${name} must be a whole number, not ${text}.`);
}
