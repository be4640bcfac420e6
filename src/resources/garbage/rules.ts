import { invalidParameter } from '../../contract/error.ts';

/**
 * A run or logged model that `tabularium gc` deletes with its artifacts, or the copy of what a version pointed to;
 * experiments have none of their own.
 */
export interface Item {
  readonly kind: 'run' | 'logged-model' | 'pin';
  /** On the wire. */
  readonly id: string;
  readonly location: string;
  /** The run itself, or the run that made the logged model; empty where none did. */
  readonly runId: string;
}

const unit = (name: string): string => `(?:([.\\d]+?)${name})?`;
const duration = new RegExp(`^${unit('d')}${unit('h')}${unit('m')}${unit('s')}$`);
const millisecondsPer: readonly number[] = [86_400_000, 3_600_000, 60_000, 1_000];

/**
 * Reads `30d`, `2d8h5m20s` or `1.5h` to whole milliseconds, as MLflow does.
 *
 * @throws INVALID_PARAMETER_VALUE for anything else.
 */
export function parseAge(text: string): bigint {
  const parts = duration.exec(text)?.slice(1);
  const sum = millisecondsPer.reduce((sum, each, i) => sum + Number(parts?.[i] ?? 0) * each, 0);
  if (text === '' || !parts || !Number.isSafeInteger(Math.trunc(sum)))
    throw invalidParameter(
      `Could not parse any time information from '${text}'. Examples of valid strings: '8h', '2d8h5m20s', '2m4s'`,
    );
  return BigInt(Math.trunc(sum));
}

/**
 * The folder that goes with an item: the one that bears its id, in which `artifacts` lies. Undefined where no folder of
 * the location does: others may share it.
 */
export function ownFolder({ id, location }: Item): string | undefined {
  const parts = location.replace(/\/+$/, '').split('/');
  if (parts.at(-1) === 'artifacts' && parts.at(-2) === id) return parts.slice(0, -1).join('/');
  return parts.includes(id) ? parts.join('/') : undefined;
}

const named: Record<Item['kind'], string> = {
  run: 'Run',
  'logged-model': 'Logged model',
  pin: 'Registered copy',
};

/** As MLflow begins its lines. */
export const label = ({ kind, id }: Pick<Item, 'kind' | 'id'>): string => `${named[kind]} with ID ${id}`;

export const notDeleted = ({ kind, id }: Item): Error => {
  const what = kind === 'run' ? 'runs' : 'logged models';
  return invalidParameter(
    `${named[kind]} ${id} is not in \`deleted\` lifecycle stage. Only ${what} in \`deleted\` lifecycle stage can be deleted.`,
  );
};

export const tooYoung = (what: string): Error =>
  invalidParameter(`${what} is not older than the required age of --older-than.`);
