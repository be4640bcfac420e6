/**
 * Where the bytes of artifacts lie. Paths are relative to the store, with `/` between names and decoded, as
 * `safePath` returns them; '' is the store itself.
 *
 * Names that begin with `.tabularium` are the server's own: the stores keep them as any other, and
 * whoever carries a client's wish refuses to change them.
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
  put(path: string, body: AsyncIterable<Uint8Array>, length?: number): Promise<Stored>;

  /**
   * Throws RESOURCE_DOES_NOT_EXIST for what is absent and for folders, INVALID_PARAMETER_VALUE for a range that
   * begins at or behind the end.
   */
  get(path: string, range?: ByteRange, version?: string): Promise<StoredObject>;

  /** What a file is at this moment, without opening it; undefined for what is absent and for folders. */
  stat(path: string, version?: string): Promise<Identity | undefined>;

  /** What lies directly in a folder, by name in code point order; empty if the folder is absent or a file. */
  list(path: string): Promise<StoredEntry[]>;

  /**
   * All files below a folder, their paths relative to it, in code point order of the whole path. Held is
   * one folder or page at a time.
   */
  walk(path: string): AsyncIterable<WalkedFile>;

  /**
   * Copies a file within the store, without its bytes passing through this server where the store can do so; what
   * was at `to` is replaced in one step. Afterwards neither path follows a change of the other. With an `etag` it
   * copies these bytes or none: RESOURCE_CONFLICT where the file is not, or no longer, known by it. With `hashing` it
   * also says their hash, where they do pass through this server.
   */
  copy(from: string, to: string, etag?: string, hashing?: boolean): Promise<Copied>;

  /** Deletes a file or a folder with all in it; what is absent is deleted already. Refuses ''. */
  delete(path: string): Promise<void>;

  /** Removes what is left of uploads that a crash broke off; `age` is how long ago, in milliseconds. */
  sweep(age: number): Promise<void>;

  /** What clients may do at the store itself, by URLs that carry their own permission; undefined where they cannot. */
  readonly presign?: Presign;
}

export interface Presign {
  /** A URL to read a file from, for so many seconds. Throws RESOURCE_DOES_NOT_EXIST for what is absent. */
  download(path: string, seconds: number): Promise<{ url: string; size: number }>;

  /** A URL to write a file to, for so many seconds, with the headers that must be sent to it. */
  upload(path: string, seconds: number): Promise<{ url: string; headers: Record<string, string> }>;

  /** Begins an upload in parts, each with a URL to write it to; nothing is visible until it is completed. */
  createMultipart(path: string, parts: number): Promise<{ uploadId: string; urls: string[] }>;

  /** Puts the parts together; the etags are what the store answered for them, as it wrote them. */
  completeMultipart(path: string, uploadId: string, parts: readonly UploadedPart[]): Promise<void>;

  abortMultipart(path: string, uploadId: string): Promise<void>;
}

export interface UploadedPart {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
}

/** Bytes from `start` to `end`, both included; an `end` behind the last byte means the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** By what a file is known: the same etag means the same bytes, and a change in place changes it. */
export interface Identity {
  /** Bytes. */
  readonly size: number;
  /** Without quotes; opaque, and differs between stores. */
  readonly etag: string;
  /** Milliseconds since the epoch, in whole. */
  readonly modified: number;
  /** By what these very bytes can be had for ever, where the store keeps versions. */
  readonly version?: string;
}

export interface Stored extends Identity {
  /** Of the bytes as they came, in hexadecimal. */
  readonly sha256: string;
}

export interface Copied extends Identity {
  /** Of the bytes that were copied, in hexadecimal. */
  readonly sha256?: string;
}

/** An object that is open for reading, its size the whole one: whoever gets it reads `body` to its end or cancels it. */
export interface StoredObject extends Identity {
  readonly body: ReadableStream<Uint8Array>;
}

export interface WalkedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
}

export interface StoredEntry {
  readonly name: string;
  /** Bytes; undefined for a folder. */
  readonly size: number | undefined;
}
