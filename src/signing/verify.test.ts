import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ManifestEntry } from '../contract/manifest.ts';
import { differences, notCovered, readTrust, type Statement, verifyStatement } from './verify.ts';

/** What Python's model-signing signed, and whether it accepts it (`record_signatures.py`). */
interface Recorded {
  readonly name: string;
  /** Text by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly signature: string;
  /** PEM: either whose key, or which certificates are believed. */
  readonly key?: string;
  readonly certificates?: string;
  readonly accepted: boolean;
}
const recorded: readonly Recorded[] = JSON.parse(
  readFileSync(new URL('recorded.json', import.meta.url), 'utf8'),
);

const entriesOf = (files: Recorded['files']): ManifestEntry[] =>
  Object.entries({ ...files, 'model.sig': 'any' }).map(([path, content]) => ({
    path,
    size: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('hex'),
  }));

const statementOf = ({
  signature,
  key,
  certificates,
}: Omit<Recorded, 'name' | 'files' | 'accepted'>): Statement =>
  verifyStatement(
    signature,
    certificates === undefined
      ? readTrust({ kind: 'key', pem: key ?? '' })
      : readTrust({ kind: 'certificates', pem: certificates }),
  );

/** Empty where the files are the signed ones; the sentence, or the differing paths. */
function verdict(one: Recorded): string {
  try {
    const { changed, missing, extra } = differences(statementOf(one), entriesOf(one.files));
    return [
      ...changed.map((p) => `~${p}`),
      ...missing.map((p) => `-${p}`),
      ...extra.map((p) => `+${p}`),
    ].join(' ');
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where we judge otherwise than model-signing, and why. */
const otherwise: Readonly<Record<string, string>> = {
  'limits on names': 'a limit that is not checked is not passed over',
  'two roots of one name': 'OpenSSL tries only the first of them',
};

test.each(recorded)('$name', (one) => {
  const accepted = verdict(one) === '';
  expect(accepted).toBe(one.name in otherwise ? !one.accepted : one.accepted);
});

const named = (name: string): Recorded => {
  const found = recorded.find((one) => one.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found;
};

test.each([
  ['another key', 'The signature was made with another key.'],
  ['a changed file', '~data/model.bin'],
  ['a missing file', '-data/empty'],
  ['an extra file', '+code/evil.py'],
  ['a renamed file', '-MLmodel +MLmodeL'],
  ['two files swapped', '~data/empty ~data/model.bin'],
  [
    'a statement that was changed',
    'The signature is not that of the key: it, or the statement in it, was changed.',
  ],
  ['no JSON', /^The signature is not in the format of OpenSSF Model Signing: Unexpected token/],
  ['no bundle', /^The signature is not in the format of OpenSSF Model Signing: /],
  ['a key where certificates are believed', /made with a bare key/],
  ['certificates where a key is believed', /made with a certificate/],
  ['another root', "The signer's certificate (CN=signer) is not issued by any of the trusted certificates."],
  ['usage key_agreement, extended None', /CN=used\) is not meant for signing/],
])('what is said of %s', (name, sentence) => {
  expect(verdict(named(name))).toEqual(
    typeof sentence === 'string' ? sentence : expect.stringMatching(sentence),
  );
});

test('who signed, and what the signature leaves out', () => {
  const keyed = named('a path left out, and changed');
  const statement = statementOf(keyed);
  expect(statement.signer).toMatch(/^the key [0-9a-f]{64}$/);
  expect(notCovered(statement, entriesOf(keyed.files))).toEqual(['data/model.bin', 'data/empty']);
  expect(statementOf(named('a chain that is sent')).signer).toBe('the holder of the certificate CN=signer');
});

test("the client's own note is looked at on neither side", () => {
  const one = named('a key on secp256r1');
  const note = { registered_model_meta: 'model_name: x' };
  expect(verdict({ ...one, files: { ...one.files, ...note } })).toBe('');
});

describe('statements that a trusted key has signed', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const a = { name: 'a', algorithm: 'sha256', digest: createHash('sha256').update('a').digest('hex') };
  const rootOfA = createHash('sha256').update(a.digest, 'hex').digest('hex');
  const good = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'm', digest: { sha256: rootOfA } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: { serialization: { method: 'files', hash_type: 'sha256' }, resources: [a] },
  };
  const { serialization } = good.predicate;

  function say(payload: string, payloadType = 'application/vnd.in-toto+json'): Statement {
    const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} ${payload}`;
    const sig = sign('sha256', Buffer.from(signed), privateKey).toString('base64');
    const signature = JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
      dsseEnvelope: {
        payload: Buffer.from(payload).toString('base64'),
        payloadType,
        signatures: [{ sig, keyid: '' }],
      },
    });
    return verifyStatement(signature, { kind: 'key', key: publicKey });
  }

  test('a good one', () => {
    expect(say(JSON.stringify(good))).toMatchObject({
      rootDigest: rootOfA,
      files: [{ path: 'a', sha256: a.digest }],
      ignored: [],
    });
  });

  test.each([
    ['of another predicate', { predicateType: 'https://slsa.dev/provenance/v1' }, /'https:\/\/slsa.dev/],
    [
      'of shards',
      { predicate: { ...good.predicate, serialization: { method: 'shards', hash_type: 'sha256' } } },
      /shards by sha256/,
    ],
    [
      'by another hash',
      { predicate: { ...good.predicate, serialization: { method: 'files', hash_type: 'blake3' } } },
      /files by blake3/,
    ],
    ['whose root is another', { subject: [{ digest: { sha256: a.digest } }] }, /contradicts itself/],
    ['with two subjects', { subject: [...good.subject, ...good.subject] }, /contradicts itself/],
    ['without a subject', { subject: undefined }, /contradicts itself/],
    ['without a predicate', { predicate: undefined }, /undefined by undefined/],
    ['without files', { predicate: { serialization } }, /its lists are not/],
    ['with a file twice', { predicate: { serialization, resources: [a, a] } }, /its lists are not/],
    ['with no file but null', { predicate: { serialization, resources: [null] } }, /its lists are not/],
    [
      'with half a digest',
      { predicate: { serialization, resources: [{ ...a, digest: 'ab' }] } },
      /its lists are not/,
    ],
    [
      'that ignores no list',
      { predicate: { ...good.predicate, serialization: { ...serialization, ignore_paths: 'a' } } },
      /its lists are not/,
    ],
  ])('%s', (_, change, sentence) => {
    expect(() => say(JSON.stringify({ ...good, ...change }))).toThrow(sentence);
  });

  test('that are none', () => {
    expect(() => say('{')).toThrow('What is signed is no JSON.');
    expect(() => say('null')).toThrow(/statement of the type 'undefined'/);
    expect(() => say('{}', 'text/plain')).toThrow(/'text\/plain', not/);
  });
});

describe('keys and certificates to believe', () => {
  const pem = (kind: 'rsa' | 'ed25519') =>
    (kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ed25519')
    ).publicKey.export({ type: 'spki', format: 'pem' }) as string;

  test.each([
    ['nothing', '', /holds none/],
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n', /holds none/],
    [
      'a torn key',
      '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n',
      'The public key cannot be read.',
    ],
    ['an RSA key', pem('rsa'), /ECDSA on P-256, P-384 or P-521/],
    ['an Ed25519 key', pem('ed25519'), /ECDSA on P-256, P-384 or P-521/],
  ])('%s is refused', (_, text, sentence) => {
    expect(() => readTrust({ kind: 'key', pem: text })).toThrow(sentence);
  });

  test('a file without certificates, and one with a torn one', () => {
    expect(() => readTrust({ kind: 'certificates', pem: '' })).toThrow(/holds none/);
    const torn = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    expect(() => readTrust({ kind: 'certificates', pem: torn })).toThrow(
      'The file of trusted certificates holds a certificate that cannot be read.',
    );
  });
});
