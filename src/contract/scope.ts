/**
 * What a question may look at: a required parameter of every store read.
 *
 * `visible` is what the actor may see inside the workspace; access rules will compile to names, key ranges and
 * stages here, and until they land everything in the workspace is visible.
 */
export interface Scope {
  readonly workspace: string;
  readonly visible: 'all';
}

/** The workspace of a server that runs without workspaces, as MLflow names it. */
export const defaultWorkspace = 'default';

/** The scope of every request until access rules land. */
export const everything: Scope = { workspace: defaultWorkspace, visible: 'all' };
