import { MlflowError } from '../../contract/error.ts';
import { isPartOfVersion, type ManifestEntry } from '../../contract/manifest.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Ask } from '../../db/ask.ts';
import { type ArtifactPlaces, placeOf } from '../../objects/locate.ts';
import { versionNotFound } from '../model-versions/rules.ts';
import { modelNotFound } from '../registered-models/rules.ts';
import { findModel } from '../registered-models/store.ts';
import { hashCopy } from './copy.ts';
import type { Pinner } from './pinner.ts';
import * as store from './store.ts';

/** Which versions are verified: all, those of a model, or one. */
export interface VerifyRequest {
  readonly name?: string;
  readonly version?: number;
  /** Copies what is a pointer, where this program may read it. */
  readonly pin: boolean;
}

export interface Verifier {
  readonly ask: Ask;
  readonly scope: Scope;
  readonly places: ArtifactPlaces;
  readonly pinner: Pinner;
  /** Takes each line for the person who reads. */
  readonly say: (line: string) => void;
  /** Hears how many bytes of how many are read. */
  readonly progress: (version: string, at: number, all: number) => void;
}

/** How many versions there are of each kind. */
export interface Verdicts {
  readonly right: number;
  readonly wrong: number;
  /** Without a digest: pointers, and what is still being copied or hashed. */
  readonly unknown: number;
}

/**
 * Reads what registered versions serve, and says of each whether it is what was registered. What several versions share
 * is read once.
 *
 * @throws RESOURCE_DOES_NOT_EXIST where what is named is not there.
 */
export async function verifyVersions(verifier: Verifier, request: VerifyRequest): Promise<Verdicts> {
  const { ask, scope, say } = verifier;
  await refuseAbsent(verifier, request);
  const all = await ask((sql) => store.countBytes(sql, scope, request));
  const count = { right: 0, wrong: 0, unknown: 0 };
  const differencesOf = readOnce(verifier, all);
  let last: store.KeptVersion | undefined;
  for (;;) {
    const page = await ask((sql) => store.findVersions(sql, scope, request, last));
    for (const version of page) {
      const kept = request.pin && version.pin === null ? await pinNow(verifier, version) : version;
      const label = `${kept.name}/${kept.version}`;
      const unknown = whyUnknown(kept);
      const differences = unknown === undefined ? await differencesOf(kept) : [];
      if (unknown !== undefined) count.unknown++;
      else if (differences.length === 0) count.right++;
      else count.wrong++;
      say(
        `${label}: ${unknown ?? (differences.length === 0 ? 'as it was registered' : 'NOT what was registered')}`,
      );
      for (const line of differences) say(`  ${line}`);
    }
    last = page.at(-1);
    if (!last) return count;
  }
}

async function refuseAbsent({ ask, scope }: Verifier, { name, version }: VerifyRequest): Promise<void> {
  if (name === undefined) return;
  if (!(await ask((sql) => findModel(sql, scope, name)))) throw modelNotFound(name);
  if (version === undefined) return;
  if (!(await ask((sql) => store.findKeeping(sql, scope, name, version))))
    throw versionNotFound(name, version);
}

/** Why nothing can be said of a version. */
function whyUnknown({
  status,
  pin,
  location,
  address,
  storage_location,
}: store.KeptVersion): string | undefined {
  if (status === 'FAILED_REGISTRATION') return 'could not be registered';
  if (pin === null) return `a pointer, of which nothing is kept: ${storage_location}`;
  if (location === null) return 'is being copied';
  return address === null ? 'is being hashed' : undefined;
}

/** Copies what a pointer leads to, if it can; it answers the version as it is then. */
async function pinNow(
  { ask, scope, pinner }: Verifier,
  version: store.KeptVersion,
): Promise<store.KeptVersion> {
  const pin = await pinner.plan(version.storage_location);
  if (!pin || !(await ask((sql) => store.pinPointer(sql, version, pin)))) return version;
  const { name, version: number } = version;
  await pinner.make(pin, { workspace: scope.workspace, name });
  const [now] = await ask((sql) => store.findVersions(sql, scope, { name, version: number }));
  return now ?? version;
}

/** Finds what differs in the copy that a version has, a line each. */
function readOnce(
  { ask, places, progress }: Verifier,
  all: number,
): (version: store.KeptVersion) => Promise<readonly string[]> {
  const known = new Map<string, readonly string[]>();
  let read = 0;
  return async ({ pin, base, location, name, version, bytes }) => {
    if (pin === null || base === null || location === null) return [];
    const before = known.get(pin);
    if (before) return before;
    progress(`${name}/${version}`, read, all);
    const expected = (await ask((sql) => store.findManifest(sql, pin))) ?? [];
    const { objects } = placeOf(base, '', places);
    const found = await hashCopy(objects, location).catch((error) => {
      if (error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST') return [];
      throw error;
    });
    const differences = compare(expected, found);
    known.set(pin, differences);
    read += Number(bytes ?? 0);
    progress(`${name}/${version}`, read, all);
    return differences;
  };
}

function compare(expected: readonly ManifestEntry[], found: readonly ManifestEntry[]): string[] {
  const there = new Map(found.map((entry) => [entry.path, entry]));
  const wanted = new Set(expected.map(({ path }) => path));
  return [
    ...expected.filter(({ path }) => !there.has(path)).map(({ path }) => `missing: ${path}`),
    ...expected
      .filter(({ path, sha256 }) => there.has(path) && there.get(path)?.sha256 !== sha256)
      .map(({ path }) => `changed: ${path}`),
    ...found
      .filter(({ path }) => isPartOfVersion(path) && !wanted.has(path))
      .map(({ path }) => `added: ${path}`),
  ];
}
