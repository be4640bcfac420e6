import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const src = dirname(fileURLToPath(import.meta.url));

/** Who may import whom, and which packages; a room is a folder of `src`, `top` the files beside this one. */
const rooms: Record<string, { rooms: readonly string[]; packages: readonly string[] }> = {
  generated: { rooms: [], packages: [] },
  contract: { rooms: ['generated'], packages: ['postgres'] },
  search: { rooms: ['contract'], packages: [] },
  db: { rooms: ['contract'], packages: ['postgres'] },
  objects: {
    rooms: ['contract'],
    packages: ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner', '@smithy/signature-v4'],
  },
  signing: {
    rooms: ['contract'],
    packages: ['@sigstore/bundle', '@sigstore/core', '@sigstore/protobuf-specs'],
  },
  audit: { rooms: ['contract', 'db', 'generated'], packages: [] },
  jobs: { rooms: ['contract', 'db'], packages: [] },
  resources: { rooms: ['contract', 'generated', 'search', 'db', 'objects', 'audit', 'jobs'], packages: [] },
  ui: { rooms: ['contract'], packages: ['yauzl'] },
  transfer: { rooms: ['contract', 'db', 'resources'], packages: [] },
  http: {
    rooms: ['contract', 'generated', 'audit', 'objects'],
    packages: ['@opentelemetry/api', 'graphql', 'hono', 'pino', 'prom-client'],
  },
};

/** What one slice of `resources` may take of another. */
const sharedFilesOfSlices = /\/(store|rules|fields)\.ts$/;

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const imports = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing/'))
  .flatMap((file) =>
    [
      ...readFileSync(join(src, file), 'utf8').matchAll(
        /^(?:import|export)\s(type\s)?[^;]*?from '([^']+)'/gms,
      ),
    ].map(
      ([, type, specifier = '']): Import => ({
        file,
        target: specifier.startsWith('.') ? relative(src, resolve(src, dirname(file), specifier)) : specifier,
        typeOnly: type !== undefined,
      }),
    ),
  );

const roomOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] as string) : 'top');
const isPackage = ({ target }: Import): boolean => !target.endsWith('.ts') && !target.startsWith('node:');
const packageOf = (target: string): string =>
  target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');

describe('imports', () => {
  test('the list of rooms is complete', () => {
    const found = new Set(imports.map(({ file }) => roomOf(file)));
    expect([...found].filter((room) => room !== 'top' && !(room in rooms))).toEqual([]);
    expect(imports.length).toBeGreaterThan(100);
  });

  for (const [room, allowed] of Object.entries(rooms)) {
    const own = imports.filter(({ file }) => roomOf(file) === room);

    test(`${room} imports only ${allowed.rooms.join(', ') || 'itself'}`, () => {
      const wrong = own.filter((one) => {
        if (isPackage(one) || one.target.startsWith('node:')) return false;
        return roomOf(one.target) !== room && !allowed.rooms.includes(roomOf(one.target));
      });
      expect(wrong).toEqual([]);
    });

    test(`${room} uses only the packages ${allowed.packages.join(', ') || '(none)'}`, () => {
      expect(
        own.filter((one) => isPackage(one) && !allowed.packages.includes(packageOf(one.target))),
      ).toEqual([]);
    });
  }

  test('contract takes types only', () => {
    expect(
      imports.filter(
        ({ file, target, typeOnly }) =>
          roomOf(file) === 'contract' &&
          !target.startsWith('contract/') &&
          !target.startsWith('node:') &&
          !typeOnly,
      ),
    ).toEqual([]);
  });

  test('a slice takes of another only its store, rules and fields', () => {
    const slice = (file: string) => file.split('/')[1];
    const wrong = imports.filter(
      ({ file, target }) =>
        roomOf(file) === 'resources' &&
        target.startsWith('resources/') &&
        slice(file) !== slice(target) &&
        !sharedFilesOfSlices.test(target),
    );
    expect(wrong).toEqual([]);
  });

  test('only config.ts reads the environment', () => {
    const readers = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
      (file) =>
        file.endsWith('.ts') &&
        !file.endsWith('.test.ts') &&
        /process\.env\b/.test(readFileSync(join(src, file), 'utf8')),
    );
    expect(readers).toEqual(['config.ts']);
  });
});
