import type { Hono } from 'hono';
import { disabled, trackingless } from './error.ts';
import type { GraphqlLimits } from './graphql-limits.ts';
import { type MountOptions, named } from './mount.ts';

export interface GraphqlOptions extends MountOptions {
  readonly graphqlLimits: GraphqlLimits;
}

/**
 * Mounts `/graphql`, which answers from the operations of the API what their own routes answer, in the forms of
 * MLflow's schema. Its library is loaded when somebody asks: it holds 16 MiB, and only the web UI needs it.
 */
export function mountGraphql(app: Hono, options: GraphqlOptions): void {
  const path = `${options.staticPrefix}/graphql`;
  app.on(['GET', 'POST'], path, named('graphql'), async (c) => {
    if (options.artifactsOnly) return c.html(disabled(path, trackingless), 503);
    const { answerGraphql } = await import('./graphql-answer.ts');
    return answerGraphql(c, options);
  });
}
