import { normalPath } from '../../contract/posix.ts';
import { parseUri, unquoteFully } from '../../contract/uri.ts';
import { type ArtifactPlaces, type Place, placeOf } from '../../objects/locate.ts';
import { refuseReserved } from '../../objects/reserved.ts';
import { safePath } from '../../objects/safe-path.ts';
import { type Item, ownFolder } from './rules.ts';

/** A registered version, by what it may still need. */
export interface VersionPointer {
  readonly name: string;
  readonly version: number;
  readonly runId: string;
  readonly source: string;
  readonly storageLocation: string;
}

/** Where a URI leads, decoded; undefined where this program may not reach it, or for a root as a whole. */
export function placeOrNone(uri: string, places: ArtifactPlaces): Place | undefined {
  try {
    const { objects, path } = placeOf(uri, '', places);
    const safe = safePath(path);
    refuseReserved(safe);
    return safe === '' ? undefined : { objects, path: safe };
  } catch {
    return undefined;
  }
}

/**
 * Finds which registered versions need which items: by the run's id, by a `runs:/` or `models:/` URI, or by a location
 * that lies in an item's folder or takes it in, however it is spelled. The versions are shown one by one, because there
 * may be many more of them than of items.
 */
export class Holders {
  readonly #places: ArtifactPlaces;
  /** Items by the path of their folder, by each path above it, by their run and by their id. */
  readonly #at = new Map<string, Item[]>();
  readonly #above = new Map<string, Item[]>();
  readonly #ofRun = new Map<string, Item[]>();
  readonly #byId = new Map<string, Item[]>();
  readonly #found = new Map<Item, VersionPointer>();

  constructor(items: readonly Item[], places: ArtifactPlaces) {
    this.#places = places;
    for (const item of items) {
      const paths = this.#paths(ownFolder(item) ?? item.location);
      push(this.#at, paths.pop(), item);
      for (const path of paths) push(this.#above, path, item);
      push(this.#ofRun, item.runId || undefined, item);
      push(this.#byId, item.id, item);
    }
  }

  /** The version that needs this item, if any does. */
  of(item: Item): VersionPointer | undefined {
    return this.#found.get(item);
  }

  show(version: VersionPointer): void {
    const needed = [
      this.#byId.get(version.runId),
      ...[version.source, version.storageLocation].flatMap((uri) => this.#needed(uri)),
    ];
    for (const item of needed.flatMap((items) => items ?? []))
      if (!this.#found.has(item)) this.#found.set(item, version);
  }

  #needed(uri: string): (Item[] | undefined)[] {
    const { scheme, path } = parseUri(uri);
    const first = path.split('/').find((part) => part !== '') ?? '';
    // Clients look for `runs:/…/model` among the models that the run made as well.
    if (scheme === 'runs') return [this.#ofRun.get(first)];
    if (scheme === 'models') return [this.#byId.get(first)];
    const paths = this.#paths(uri);
    return [...paths.map((one) => this.#at.get(one)), this.#above.get(paths.at(-1) ?? '')];
  }

  /** The path that a URI means and all above it, the root's own left out, shortest first. */
  #paths(uri: string): string[] {
    const place = placeOrNone(uri, this.#places);
    const { scheme, authority, path } = parseUri(uri);
    const bucket = this.#places.buckets.find(({ objects }) => objects === place?.objects);
    const own = bucket ? `s3://${bucket.bucket}/${bucket.prefix}` : '';
    const root = !place ? `${scheme}://${authority}` : place.objects === this.#places.served ? 'served' : own;
    const folder = this.#places.folders.find(({ objects }) => objects === place?.objects)?.folder ?? '';
    const whole = place ? `${folder}/${place.path}` : unquoteFully(path);
    const names = normalPath(`/${whole}`).split('/').filter(Boolean);
    return names.map((_, i) => [root, ...names.slice(0, i + 1)].join('/'));
  }
}

function push(map: Map<string, Item[]>, key: string | undefined, item: Item): void {
  if (key === undefined) return;
  const items = map.get(key);
  if (items) items.push(item);
  else map.set(key, [item]);
}
