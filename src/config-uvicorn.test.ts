import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseUvicornOptions, shellWords } from './config-uvicorn.ts';

// Self-signed for localhost, used nowhere but here.
const certificatePem = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUQ+tlGCy2KpvidvnfglwZb4xd9V0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE0MzExOFoYDzIxMjYxMDMw
MTQzMTE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQm/81ShwasvmPWDilJebRwzV3HsEcNEtcG4r9Yt/UCg0kflp4PCGsC
DlLTp72MXmwclTT/u9v6nrfauyqNr6OAo1MwUTAdBgNVHQ4EFgQUiItqOv3OYR5/
RwscdfyEiRIZU08wHwYDVR0jBBgwFoAUiItqOv3OYR5/RwscdfyEiRIZU08wDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAx8TrM9i/k5FfLlH0j6zN
J9Jj32TWmDMB+4+njkhjbLYCIQDrj2Z+obOR6sAqMrcHrpyi1SZ6mqDYsfzpt5TJ
Ro+tyA==
-----END CERTIFICATE-----
`;
const keyPem = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkx7db9YLTlMxa76Z
I2oFVXWFNTBTjSlg4SgK4SqBjsyhRANCAAQm/81ShwasvmPWDilJebRwzV3HsEcN
EtcG4r9Yt/UCg0kflp4PCGsCDlLTp72MXmwclTT/u9v6nrfauyqNr6OA
-----END PRIVATE KEY-----
`;

const folder = mkdtempSync(join(tmpdir(), 'tabularium '));
const certificate = join(folder, 'cert.pem');
const key = join(folder, 'key.pem');
const both = join(folder, 'both.pem');
writeFileSync(certificate, certificatePem);
writeFileSync(key, keyPem);
writeFileSync(both, certificatePem + keyPem);

test('shell words', () => {
  expect(shellWords('')).toEqual([]);
  expect(shellWords(`  a  "b c"d 'e "f' g\\ h "i\\"j\\k" ''`)).toEqual([
    'a',
    'b cd',
    'e "f',
    'g h',
    'i"j\\k',
    '',
  ]);
  expect(() => shellWords('a "b')).toThrow('is not closed');
});

test('certificates', () => {
  const { tls, ignored } = parseUvicornOptions(
    `--ssl-certfile '${certificate}' --ssl-keyfile="${key}" --ssl-keyfile-password x --ssl-ca-certs '${certificate}' --ssl-cert-reqs 2`,
  );
  expect(tls).toEqual({
    cert: Buffer.from(certificatePem),
    key: Buffer.from(keyPem),
    passphrase: 'x',
    ca: Buffer.from(certificatePem),
    requestCert: true,
    rejectUnauthorized: true,
  });
  expect(ignored).toEqual([]);
});

test('a key beside its certificate in one file', () => {
  expect(parseUvicornOptions(`--ssl-certfile '${both}'`).tls).toMatchObject({
    key: Buffer.from(certificatePem + keyPem),
    requestCert: false,
    rejectUnauthorized: false,
  });
});

test('a certificate without its key', () => {
  expect(() => parseUvicornOptions(`--ssl-certfile '${certificate}'`)).toThrow('do not fit together');
});

test('without options', () => {
  expect(parseUvicornOptions('')).toEqual({ tls: undefined, rootPath: '', keepAliveSeconds: 5, ignored: [] });
});

test('options of uvicorn that mean nothing here are named, their values are not', () => {
  expect(
    parseUvicornOptions('--log-level debug --reload --root-path /x --limit-concurrency=5').ignored,
  ).toEqual(['--log-level', '--reload', '--limit-concurrency']);
});

test.each([
  ['--ssl-certfile', '--ssl-certfile of --uvicorn-opts needs a value'],
  ['--ssl-certfile /nowhere', 'The file /nowhere'],
  ['--ssl-keyfile x', 'needs --ssl-certfile'],
  ['--timeout-keep-alive soon', 'must be a whole number, not soon'],
])('%s', (text, words) => {
  expect(() => parseUvicornOptions(text)).toThrow(words);
});
