import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
} from 'graphql';

/** How much one query may ask for, by MLflow's variables. */
export interface GraphqlLimits {
  readonly rootFields: number;
  readonly aliases: number;
}

const deepest = 10;
const mostFields = 1000;

export const tooDeep = `Query exceeds maximum depth of ${deepest}`;
const tooManyFields = `Query exceeds maximum total selections of ${mostFields}`;

/**
 * Why MLflow would not run the document, in its words; undefined where it would. Fields in fragments count where they
 * are spread, aliases together with those beside them.
 */
export function refusalOf(document: DocumentNode, limits: GraphqlLimits): string | undefined {
  const fragments = new Map(
    document.definitions.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
    ),
  );
  let rootFields = 0;
  let aliases = 0;
  let all = 0;
  let level = document.definitions.flatMap((one) =>
    one.kind === Kind.OPERATION_DEFINITION ? [one.selectionSet] : [],
  );
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > deepest) return tooDeep;
    const next: SelectionSetNode[] = [];
    for (const set of level) {
      const fields = fieldsOf(set, fragments);
      if (depth === 1) rootFields += fields.length;
      all += fields.length;
      if (all > mostFields) return tooManyFields;
      aliases = Math.max(aliases, fields.filter(({ alias }) => alias).length);
      next.push(...fields.flatMap(({ selectionSet }) => selectionSet ?? []));
    }
    level = next;
  }
  if (rootFields > limits.rootFields)
    return over('root fields', 'ROOT_FIELDS', limits.rootFields, rootFields);
  if (aliases > limits.aliases) return over('aliases', 'ALIASES', limits.aliases, aliases);
  return undefined;
}

const over = (what: string, variable: string, most: number, found: number): string =>
  `GraphQL queries should have at most ${most} ${what}, got ${found} ${what}. To increase the limit, set the ` +
  `MLFLOW_SERVER_GRAPHQL_MAX_${variable} environment variable.`;

/** The fields of one level; a fragment that is spread twice in it, or spreads itself, counts once. */
function fieldsOf(
  set: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): FieldNode[] {
  const fields: FieldNode[] = [];
  const seen = new Set<string>();
  const waiting = [set];
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    for (const selection of one.selections) {
      if (selection.kind === Kind.FIELD) fields.push(selection);
      else if (selection.kind === Kind.INLINE_FRAGMENT) waiting.push(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) waiting.push(fragment.selectionSet);
      }
    }
  }
  return fields;
}
