/** What the part `artifacts` carries up and down. */

export const mebibyte = 1024 * 1024;

export interface Load {
  readonly name: string;
  readonly files: number;
  /** Bytes of each. */
  readonly size: number;
  /** How many go at once. */
  readonly atOnce: number;
  /** Whether its speed is measured, with its bars, or only the memory that it takes. */
  readonly speed: boolean;
  /** Whether resident memory has a bar. */
  readonly memory: boolean;
}

const kibibyte = 1024;

const atOnce: Load = {
  name: '16 files of 32 MiB at once',
  files: 16,
  size: 32 * mebibyte,
  atOnce: 16,
  speed: false,
  memory: true,
};

export const loads: readonly Load[] = [
  { name: 'one file of 2 GiB', files: 1, size: 2048 * mebibyte, atOnce: 1, speed: true, memory: true },
  { name: '2,000 files of 64 KiB', files: 2000, size: 64 * kibibyte, atOnce: 8, speed: true, memory: false },
  atOnce,
];

/** For a look in a minute. */
export const quickLoads: readonly Load[] = [
  { name: 'one file of 256 MiB', files: 1, size: 256 * mebibyte, atOnce: 1, speed: true, memory: true },
  { name: '500 files of 64 KiB', files: 500, size: 64 * kibibyte, atOnce: 8, speed: true, memory: false },
  atOnce,
];

export const bytesOf = ({ files, size }: Load): number => files * size;

/** What must hold, on local files and on S3. */
export const artifactBars = {
  /** Throughput: at least so many times MLflow's. */
  ratio: 1.5,
  /** Throughput: at least so many per cent of the same transfer straight to the S3 server. */
  ofDirect: 60,
  /** MiB by which resident memory may grow during a transfer: less than. */
  growth: 64,
  /** Hashing and copying: at least so many per cent of the speed of sha256sum. */
  ofSha256sum: 70,
};
