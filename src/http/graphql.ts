import type { Hono } from 'hono';
import type { GraphqlLimits } from './graphql-limits.ts';
import { type MountOptions, named, unlessArtifactsOnly } from './mount.ts';

export interface GraphqlOptions extends MountOptions {
  readonly graphqlLimits: GraphqlLimits;
}

/**
 * Mounts `/graphql`, which answers from the operations of the API what their own routes answer, in the forms of
 * MLflow's schema. Its library is loaded when somebody asks: it holds 16 MiB, and only the web UI needs it.
 */
export function mountGraphql(app: Hono, options: GraphqlOptions): void {
  const path = `${options.staticPrefix}/graphql`;
  const answer = unlessArtifactsOnly(options.artifactsOnly, path, async (c) => {
    const { answerGraphql } = await import('./graphql-answer.ts');
    return answerGraphql(c, options);
  });
  app.on(['GET', 'POST'], path, named('graphql'), answer);
}
