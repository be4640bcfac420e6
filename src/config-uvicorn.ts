import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { parseArgs } from 'node:util';
import { StartError } from './contract/start-error.ts';

/** Options of `https.createServer`, the files read. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly passphrase?: string;
  readonly ca?: Buffer;
  readonly ciphers?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

export interface UvicornOptions {
  readonly tls: Tls | undefined;
  readonly rootPath: string;
  readonly keepAliveSeconds: number;
  /** The options that were given and have no meaning here, as `--name`. */
  readonly ignored: readonly string[];
}

const understood = {
  'ssl-certfile': { type: 'string' },
  'ssl-keyfile': { type: 'string' },
  'ssl-keyfile-password': { type: 'string' },
  'ssl-ca-certs': { type: 'string' },
  'ssl-cert-reqs': { type: 'string' },
  'ssl-ciphers': { type: 'string' },
  'root-path': { type: 'string' },
  'timeout-keep-alive': { type: 'string' },
} as const;

/** Reads the text of `--uvicorn-opts`, a command line in itself, for what this server can do as well. */
export function parseUvicornOptions(text: string): UvicornOptions {
  // Not strict: an unknown option is no error, and its value falls among the positionals, which nobody reads.
  const { values } = parseArgs({ args: shellWords(text), options: understood, strict: false });
  for (const [name, value] of Object.entries(values)) {
    if (Object.hasOwn(understood, name) && typeof value !== 'string') {
      throw new StartError(`The option --${name} of --uvicorn-opts needs a value.`);
    }
  }
  const given = values as Partial<Record<keyof typeof understood, string>>;

  return {
    tls: tlsOf(given),
    rootPath: (given['root-path'] ?? '').replace(/\/+$/, ''),
    keepAliveSeconds: wholeNumber('timeout-keep-alive', given['timeout-keep-alive'] ?? '5'),
    ignored: Object.keys(values)
      .filter((name) => !Object.hasOwn(understood, name))
      .map((name) => (name.length === 1 ? `-${name}` : `--${name}`)),
  };
}

/** Splits at blanks as a POSIX shell does, with its quotes and backslashes but without its expansions (Python's `shlex.split`). */
export function shellWords(text: string): string[] {
  if (!/^(?:[^'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)*$/su.test(text)) {
    throw new StartError('A quote in --uvicorn-opts is not closed.');
  }
  const words = text.match(/(?:[^\s'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)+/gsu) ?? [];
  return words.map((word) =>
    word.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gsu,
      (_, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? '',
    ),
  );
}

function tlsOf(given: Partial<Record<keyof typeof understood, string>>): Tls | undefined {
  const certificate = given['ssl-certfile'];
  if (certificate === undefined) {
    if (given['ssl-keyfile'] === undefined) return undefined;
    throw new StartError('The option --ssl-keyfile of --uvicorn-opts needs --ssl-certfile beside it.');
  }
  // Python's ssl.VerifyMode: 0 asks for no client certificate, 1 takes one, 2 demands one.
  const clientCertificate = wholeNumber('ssl-cert-reqs', given['ssl-cert-reqs'] ?? '0');
  const tls: Tls = {
    cert: readNamed('ssl-certfile', certificate),
    key: readNamed('ssl-keyfile', given['ssl-keyfile'] ?? certificate),
    ...(given['ssl-keyfile-password'] && { passphrase: given['ssl-keyfile-password'] }),
    ...(given['ssl-ca-certs'] && { ca: readNamed('ssl-ca-certs', given['ssl-ca-certs']) }),
    ...(given['ssl-ciphers'] && { ciphers: given['ssl-ciphers'] }),
    requestCert: clientCertificate > 0,
    rejectUnauthorized: clientCertificate > 1,
  };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new StartError('The certificate, key and password in --uvicorn-opts do not fit together.', {
      cause,
    });
  }
  return tls;
}

function readNamed(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new StartError(`The file ${path} that --${option} of --uvicorn-opts names cannot be read.`, {
      cause,
    });
  }
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new StartError(`The option --${option} of --uvicorn-opts must be a whole number, not ${text}.`);
  }
  return Number(text);
}
