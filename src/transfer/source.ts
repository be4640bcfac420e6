import type { Kind } from './kind.ts';

/** Lines as they come from a source, and the place behind the last of them. */
export interface Chunk {
  readonly lines: readonly string[];
  readonly place: string;
}

/** Where an import comes from: an MLflow database, or a file that `tabularium export` wrote. */
export interface Source {
  /** How people and the table of imports know it; without a password. */
  readonly name: string;
  /** How many records of the kind it holds. */
  count(kind: Kind): Promise<number>;
  /** The records of a kind as JSON, one a line, some hundreds at a time; from a place on, or from the first. */
  read(kind: Kind, place: string | null): AsyncIterable<Chunk>;
  /** Sentences on what is not copied, or not seen when it is. */
  remarks(): Promise<string[]>;
  close(): Promise<void>;
}
