import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { s3OptionsOf } from './config-s3.ts';

test('nothing said', () => {
  expect(s3OptionsOf({})).toEqual({
    endpoint: undefined,
    region: undefined,
    pathStyle: false,
    ignoreTls: false,
    ca: undefined,
    expectedBucketOwner: undefined,
    uploadArgs: {},
  });
});

test.each([
  [{ MLFLOW_S3_ENDPOINT_URL: 'http://minio:9000' }, { endpoint: 'http://minio:9000', pathStyle: true }],
  [
    { AWS_ENDPOINT_URL: 'http://a', AWS_ENDPOINT_URL_S3: 'http://b' },
    { endpoint: 'http://b', pathStyle: true },
  ],
  [{ AWS_ENDPOINT_URL: 'http://a', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, { endpoint: undefined }],
  [{ AWS_DEFAULT_REGION: 'eu-west-1' }, { region: 'eu-west-1' }],
  [{ AWS_DEFAULT_REGION: 'eu-west-1', AWS_REGION: 'eu-central-1' }, { region: 'eu-central-1' }],
  [{ MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'path' }, { pathStyle: true }],
  [
    { MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'virtual', MLFLOW_S3_ENDPOINT_URL: 'http://minio:9000' },
    { pathStyle: false },
  ],
  [{ MLFLOW_S3_IGNORE_TLS: 'true' }, { ignoreTls: true }],
  [{ MLFLOW_S3_EXPECTED_BUCKET_OWNER: '123456789012' }, { expectedBucketOwner: '123456789012' }],
  [
    { MLFLOW_S3_UPLOAD_EXTRA_ARGS: '{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}' },
    { uploadArgs: { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'k' } },
  ],
])('%j', (env, options) => {
  expect(s3OptionsOf(env)).toMatchObject(options);
});

test('the certificates of AWS_CA_BUNDLE', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ca-'));
  const file = join(folder, 'ca.pem');
  writeFileSync(file, 'certificates');
  expect(s3OptionsOf({ AWS_CA_BUNDLE: file }).ca).toBe('certificates');
  rmSync(folder, { recursive: true });
  expect(() => s3OptionsOf({ AWS_CA_BUNDLE: file })).toThrow('cannot be read');
});

test.each([
  [{ MLFLOW_S3_ENDPOINT_URL: 'minio:9000' }, 'must be a URL'],
  [{ MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE: 'host' }, 'must be auto, path or virtual'],
  [{ MLFLOW_S3_UPLOAD_EXTRA_ARGS: '{secret' }, 'must be JSON'],
  [{ MLFLOW_S3_UPLOAD_EXTRA_ARGS: '["secret"]' }, 'must be a JSON object'],
  [{ MLFLOW_S3_UPLOAD_EXTRA_ARGS: '{"Body": "secret"}' }, 'names Body'],
])('%j is refused', (env, why) => {
  expect(() => s3OptionsOf(env)).toThrow(why);
  expect(() => s3OptionsOf(env)).not.toThrow('secret');
});
