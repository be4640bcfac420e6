import type { Ask } from '../../db/ask.ts';
import type { WalkedFile } from '../../objects/object-store.ts';
import { findUploadHashes, keepUploadHashes, knowsPins, type NewPin, type UploadHash } from './store.ts';

/** Milliseconds in which uploads are gathered for one statement. */
const gathering = 20;

/** Uploads that wait for the database, at most; of more the hashes are not kept, and their files are read again. */
const most = 10_000;

/** A btree refuses keys over 2,704 bytes; what has a longer name is read again. */
const longestPath = 2_000;

/**
 * The hashes of files that came through this process, on their way to the database. Nobody waits for that: what a crash
 * takes away is read again when it is registered.
 */
export class Uploads {
  readonly #ask: Ask;
  /** By root and path. */
  #waiting = new Map<string, UploadHash>();
  #gathering: NodeJS.Timeout | undefined;
  /** Until what was noted is in the database. */
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  note(upload: UploadHash): void {
    if (this.#waiting.size >= most || Buffer.byteLength(upload.path) > longestPath) return;
    this.#waiting.set(`${upload.root}\n${upload.path}`, upload);
    this.#gathering ??= setTimeout(() => this.#keep(), gathering).unref();
  }

  /** The hashes of those files of a source that are still what was uploaded, by their paths. */
  async hashesOf({ root, source }: NewPin, files: readonly WalkedFile[]): Promise<Map<string, string>> {
    await this.#keep();
    const uploads = await this.#ask((sql) => findUploadHashes(sql, root, source));
    const byPath = new Map(uploads.map((upload) => [upload.path, upload]));
    const known = new Map<string, string>();
    for (const { path, etag } of files) {
      const upload = byPath.get(path === '' ? source : `${source}/${path}`);
      if (upload?.etag === etag) known.set(path, upload.sha256);
    }
    return known;
  }

  #keep(): Promise<unknown> {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#waiting.size > 0) {
      const uploads = [...this.#waiting.values()];
      this.#waiting = new Map();
      const kept = this.#ask(async (sql) => {
        if (await knowsPins(sql)) await keepUploadHashes(sql, uploads);
      }).catch(() => {});
      this.#keeping = Promise.all([this.#keeping, kept]);
    }
    return this.#keeping;
  }
}
