import { createReadStream, existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { StartError } from '../contract/start-error.ts';
import { kinds } from './kinds.ts';
import type { Source } from './source.ts';

/**
 * The file of an export: JSON Lines. The first line is a `Head`; each one behind it is a record, `kind` its first field,
 * in the order of the kinds.
 */
export interface Head {
  readonly format: 'tabularium';
  readonly version: 1;
  /** How many records of each kind there are. */
  readonly records: Readonly<Record<string, number>>;
}

/** Lines that are handed on at a time. */
const atOnce = 500;

/** @throws StartError where there is no file of an export. */
export async function openFile(path: string): Promise<Source> {
  let lines = readLines(path);
  const { records } = readHead(path, await next(lines));
  /** The line that was read and is not handed on yet; undefined behind the last. */
  let line = await next(lines);
  let number = 2;
  const advance = async () => {
    line = await next(lines);
    number++;
  };
  const kindAt = () => (line === undefined ? kinds.length : indexOfKind(path, line, number));

  return {
    name: path,
    close: async () => void (await lines.return(undefined)),
    count: async ({ name }) => records[name] ?? 0,
    async *read(kind, place) {
      const wanted = kinds.indexOf(kind);
      if (kindAt() > wanted && number > 2) {
        await lines.return(undefined);
        lines = readLines(path);
        await next(lines);
        line = await next(lines);
        number = 2;
      }
      while (kindAt() < wanted) await advance();
      // A place is the number of lines of the kind that were read.
      let read = 0;
      for (; read < Number(place ?? 0) && kindAt() === wanted; read++) await advance();
      while (kindAt() === wanted) {
        const chunk: string[] = [];
        for (; chunk.length < atOnce && kindAt() === wanted; await advance()) chunk.push(line as string);
        read += chunk.length;
        yield { lines: chunk, place: String(read) };
      }
    },
    remarks: async () => [],
  };
}

async function* readLines(path: string): AsyncGenerator<string, undefined> {
  if (!existsSync(path)) throw new StartError(`There is no file ${path}: check --from.`);
  const file = createReadStream(path);
  let text: Readable = file;
  if (path.endsWith('.gz')) {
    text = file.pipe(createGunzip());
    file.on('error', (error) => text.destroy(error));
  }
  text.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of text) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (cause) {
    throw new StartError(`The file ${path} cannot be read to its end (${(cause as Error).message}).`, {
      cause,
    });
  }
  if (rest !== '') yield rest;
}

const next = async (lines: AsyncGenerator<string, undefined>) => (await lines.next()).value;

function readHead(path: string, line: string | undefined): Head {
  const noExport = new StartError(
    `The file ${path} is no export of Tabularium: --from takes one, or a postgresql:// or sqlite:/// URI.`,
  );
  if (!line?.startsWith('{"format":"tabularium"')) throw noExport;
  try {
    const head: Head = JSON.parse(line);
    const known = new Set(kinds.map(({ name }) => name));
    if (head.version === 1 && Object.keys(head.records).every((name) => known.has(name))) return head;
  } catch {
    throw noExport;
  }
  throw new StartError(`The file ${path} was written by a newer Tabularium: import it with that one.`);
}

const indexes = new Map(kinds.map(({ name }, at) => [name, at]));

function indexOfKind(path: string, line: string, number: number): number {
  const at = indexes.get(/^\{"kind":"(\w+)"/.exec(line)?.[1] ?? '');
  if (at === undefined) throw new StartError(`Line ${number} of ${path} is no record of an export.`);
  return at;
}
