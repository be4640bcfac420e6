import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  inOrder,
  isPartOfVersion,
  isSigned,
  type ManifestEntry,
  manifestAddress,
  manifestText,
  parseManifest,
  rootDigest,
  statementOf,
} from './manifest.ts';

const entryOf = (path: string, content: string): ManifestEntry => ({
  path,
  size: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
});

/** Names and contents of a folder, in the order of `model_signing` 1.1.1. */
const signed = [
  ['.gitattributesx', 'g3'],
  ['MLmodel', 'flavors: {}\n'],
  ['a/b', 'x'],
  ['a"b\\c', 'q'],
  ['a-b/c', 'y'],
  ['a.b', 'z'],
  ['a\u0308', 'd'],
  ['empty', ''],
  ['new\nline', 'nl'],
  ['sub/.git/HEAD', 'g2'],
  ['sub/.gitignore', 'i2'],
  ['sub/model.sig', 's'],
  ['sub/registered_model_meta', 'r'],
  ['\u00e4', 'v'],
  ['ü ñ.txt', 'ü'],
  ['\uff5e', 'w'],
  ['\u{1f600}', 'e'],
].map(([path = '', content = '']) => entryOf(path, content));
const unsigned = [entryOf('.git/HEAD', 'g'), entryOf('.gitignore', 'i'), entryOf('model.sig', '{}')];

// What `model_signing sign` of that folder wrote into the statement's subject.
const recordedRoot = '9dfe380d203c21d11bbb6140c3ddada156f5de68ae5aa4a4727daf36bd7ca658';

test("order and root digest are those of Python's model_signing", () => {
  expect(inOrder([...signed].reverse())).toEqual(signed);
  expect(rootDigest([...unsigned, ...signed].reverse())).toBe(recordedRoot);
});

test('of no files the root digest is that of nothing', () => {
  expect(rootDigest([])).toBe(createHash('sha256').digest('hex'));
});

test('what is not signed', () => {
  const yes = ['MLmodel', 'x/model.sig', 'model.sig.txt', '.gitattributesx', 'sub/.git/HEAD'];
  const no = ['model.sig', '.git/HEAD', '.git/objects/1/2', '.github/workflows/a.yml', '.gitignore'];
  expect([...yes, ...no].filter(isSigned)).toEqual(yes);
});

test("the client's own note is no part of a version, at the top", () => {
  expect(['registered_model_meta', 'sub/registered_model_meta', 'MLmodel'].filter(isPartOfVersion)).toEqual([
    'sub/registered_model_meta',
    'MLmodel',
  ]);
});

test('one content has one text, whatever the order it was found in, and comes back from it', () => {
  const text = manifestText([...signed].reverse());
  expect(text).toBe(manifestText(signed));
  expect(parseManifest(text)).toEqual(signed);
  expect(manifestText([{ ...entryOf('a', ''), etag: 'x' } as ManifestEntry])).toBe(
    manifestText([entryOf('a', '')]),
  );
});

test('the address knows what the root digest does not: names, and files that are not signed', () => {
  const [a, b] = [entryOf('a', 'one'), entryOf('b', 'two')];
  const renamed = [a, { ...b, path: 'c' }];
  expect(rootDigest(renamed)).toBe(rootDigest([a, b]));
  expect(manifestAddress(renamed)).not.toBe(manifestAddress([a, b]));
  expect(manifestAddress([a, b, entryOf('model.sig', '1')])).not.toBe(
    manifestAddress([a, b, entryOf('model.sig', '2')]),
  );
  expect(manifestAddress([b, a])).toBe(manifestAddress([a, b]));
});

test('the statement is the one that is signed', () => {
  expect(statementOf('m', [...unsigned, entryOf('MLmodel', 'x')])).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'm', digest: { sha256: rootDigest([entryOf('MLmodel', 'x')]) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: ['.git', '.gitattributes', '.github', '.gitignore', 'model.sig'],
      },
      resources: [{ name: 'MLmodel', algorithm: 'sha256', digest: entryOf('MLmodel', 'x').sha256 }],
    },
  });
});
