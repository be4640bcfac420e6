/** A registered model as its only writer knows it, and what each change makes of it. */

export interface Version {
  readonly stage: string;
  readonly source: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Model {
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<number, Version>>;
  /** The highest number ever given. */
  readonly last: number;
  /** How many changes the audit log must hold of it. */
  readonly changes: number;
}

/** A request, and what it makes of the model; undefined is a model that is not there. */
export interface Change {
  readonly method: 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body: object;
  apply(before: Model | undefined): Model | undefined;
  /** What the answer must hold, given the model after it. */
  expected?(after: Model): Readonly<Record<string, unknown>>;
}

const twice = (op: string) => [
  { key: 'one', value: op },
  { key: 'two', value: op },
];
const record = (tags: { key: string; value: string }[]) =>
  Object.fromEntries(tags.map(({ key, value }) => [key, value]));

/** The change of a model that is there. */
const changing = (change: (model: Model) => Partial<Model>) => (before: Model | undefined) => {
  if (!before) throw new Error('A change of a model that is not there.');
  return { ...before, changes: before.changes + 1, ...change(before) };
};

const withVersion = (model: Model, number: number, change: Partial<Version>) => ({
  versions: { ...model.versions, [number]: { ...(model.versions[number] as Version), ...change } },
});

const without = <T>(values: Readonly<Record<string | number, T>>, drop: (key: string, value: T) => boolean) =>
  Object.fromEntries(Object.entries(values).filter(([key, value]) => !drop(key, value)));

export const createModel = (name: string): Change => ({
  method: 'POST',
  path: 'registered-models/create',
  body: { name, description: name, tags: twice(name) },
  apply: () => ({
    description: name,
    tags: record(twice(name)),
    aliases: {},
    versions: {},
    last: 0,
    changes: 1,
  }),
});

export const createVersion = (name: string, op: string): Change => ({
  method: 'POST',
  path: 'model-versions/create',
  body: { name, source: `s3://faults/${op}`, description: op, tags: twice(op) },
  apply: changing(({ versions, last }) => ({
    last: last + 1,
    versions: {
      ...versions,
      [last + 1]: {
        stage: 'None',
        source: `s3://faults/${op}`,
        description: op,
        tags: record(twice(op)),
      },
    },
  })),
  expected: ({ last }) => ({ version: String(last), source: `s3://faults/${op}` }),
});

/** To Staging and Production the others there are archived. */
export const transition = (name: string, number: number, stage: string): Change => {
  const archive = stage === 'Staging' || stage === 'Production';
  return {
    method: 'POST',
    path: 'model-versions/transition-stage',
    body: { name, version: String(number), stage, archive_existing_versions: archive },
    apply: changing(({ versions }) => ({
      versions: Object.fromEntries(
        Object.entries(versions).map(([key, version]) => {
          if (Number(key) === number) return [key, { ...version, stage }];
          return [key, archive && version.stage === stage ? { ...version, stage: 'Archived' } : version];
        }),
      ),
    })),
    expected: () => ({ version: String(number), current_stage: stage }),
  };
};

export const setVersionTag = (name: string, number: number, key: string, value: string): Change => ({
  method: 'POST',
  path: 'model-versions/set-tag',
  body: { name, version: String(number), key, value },
  apply: changing((model) =>
    withVersion(model, number, { tags: { ...model.versions[number]?.tags, [key]: value } }),
  ),
});

export const setModelTag = (name: string, key: string, value: string): Change => ({
  method: 'POST',
  path: 'registered-models/set-tag',
  body: { name, key, value },
  apply: changing(({ tags }) => ({ tags: { ...tags, [key]: value } })),
});

export const describeModel = (name: string, description: string): Change => ({
  method: 'PATCH',
  path: 'registered-models/update',
  body: { name, description },
  apply: changing(() => ({ description })),
  expected: () => ({ name, description }),
});

export const setAlias = (name: string, alias: string, number: number): Change => ({
  method: 'POST',
  path: 'registered-models/alias',
  body: { name, alias, version: String(number) },
  apply: changing(({ aliases }) => ({ aliases: { ...aliases, [alias]: number } })),
});

export const deleteAlias = (name: string, alias: string): Change => ({
  method: 'DELETE',
  path: 'registered-models/alias',
  body: { name, alias },
  apply: changing(({ aliases }) => ({ aliases: without(aliases, (key) => key === alias) })),
});

export const deleteVersion = (name: string, number: number): Change => ({
  method: 'DELETE',
  path: 'model-versions/delete',
  body: { name, version: String(number) },
  apply: changing(({ versions, aliases }) => ({
    versions: without(versions, (key) => Number(key) === number),
    aliases: without(aliases, (_, target) => target === number),
  })),
});

export const deleteModel = (name: string): Change => ({
  method: 'DELETE',
  path: 'registered-models/delete',
  body: { name },
  apply: () => undefined,
});
