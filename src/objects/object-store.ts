/**
 * Where the bytes of artifacts lie. Paths are relative to the store, with `/` between names and decoded, as
 * `safePath` returns them; '' is the store itself.
 *
 * All methods throw `MlflowError`: INVALID_PARAMETER_VALUE for a path that the store refuses, INVALID_STATE where
 * it cannot do its work (full, no permission). The latter is answered with 400: MLflow's clients retry 500 and 503
 * for minutes, and a disk is not emptied meanwhile.
 */
export interface ObjectStore {
  /**
   * Stores what `body` yields, replacing what was there in one step: until it resolves nothing is visible, and
   * nothing stays if it rejects. If `length` (bytes) is given and differs from what came, it rejects.
   */
  put(path: string, body: AsyncIterable<Uint8Array>, length?: number): Promise<void>;

  /** Throws RESOURCE_DOES_NOT_EXIST for what is absent and for folders. */
  get(path: string): Promise<StoredObject>;

  /** What lies directly in a folder, by name in code point order; empty if the folder is absent or a file. */
  list(path: string): Promise<StoredEntry[]>;

  /** Deletes a file or a folder with all in it; what is absent is deleted already. Refuses ''. */
  delete(path: string): Promise<void>;
}

/** An object that is open for reading: whoever gets it reads `body` to its end or cancels it. */
export interface StoredObject {
  /** Bytes. */
  readonly size: number;
  readonly body: ReadableStream<Uint8Array>;
}

export interface StoredEntry {
  readonly name: string;
  /** Bytes; undefined for a folder. */
  readonly size: number | undefined;
}
