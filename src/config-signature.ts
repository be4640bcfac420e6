import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { StorageConfig } from './beside-servers.ts';
import type { Given } from './config-options.ts';
import { StartError } from './contract/start-error.ts';
import type { Signed } from './signature-command.ts';
import type { TrustedPem } from './signing/verify.ts';

/** `models:/name/version`, or a folder. */
export function signedModel(model: string, storage: () => StorageConfig): Signed {
  if (!model.startsWith('models:')) return { kind: 'folder', folder: resolve(model) };
  const [, name, version] = /^models:\/([^/]+)\/(\d+)$/.exec(model) ?? [];
  if (name === undefined || version === undefined)
    throw new StartError(`A registered version is named as in models:/name/3, not ${model}.`);
  return { kind: 'version', name, version, ...storage() };
}

/** Reads the file of the one option that says whom to believe. */
export function trustOf({ 'public-key': key, 'certificate-chain': chain }: Given): TrustedPem {
  if (key !== undefined && chain === undefined) return { kind: 'key', pem: readPem(key) };
  if (chain !== undefined && key === undefined) return { kind: 'certificates', pem: readPem(chain) };
  throw new StartError('Say whose signature is believed: with --public-key or with --certificate-chain.');
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StartError(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`, { cause });
  }
}
