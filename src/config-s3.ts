import { readFileSync } from 'node:fs';
import type { Environment } from './config.ts';
import { StartError } from './contract/start-error.ts';
import type { S3Options } from './objects/s3-client.ts';

/** What boto3 passes on of an upload's parameters (`S3Transfer.ALLOWED_UPLOAD_ARGS`), so far as AWS's SDK knows it. */
const uploadArgs = new Set(
  (
    'ACL BucketKeyEnabled CacheControl ContentDisposition ContentEncoding ContentLanguage ContentType Expires ' +
    'GrantFullControl GrantRead GrantReadACP GrantWriteACP Metadata ObjectLockLegalHoldStatus ObjectLockMode ' +
    'ObjectLockRetainUntilDate RequestPayer SSECustomerAlgorithm SSECustomerKey SSECustomerKeyMD5 ' +
    'SSEKMSEncryptionContext SSEKMSKeyId ServerSideEncryption StorageClass Tagging WebsiteRedirectLocation'
  ).split(' '),
);

const addressingStyles = new Set(['auto', 'path', 'virtual']);

/** MLflow's variables for S3, and those of boto3 that AWS's SDK for JavaScript does not read itself. */
export function s3OptionsOf(env: Environment): S3Options {
  const endpoint = endpointOf(env);
  const style = env.MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE || 'auto';
  if (!addressingStyles.has(style))
    throw new StartError(`MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE must be auto, path or virtual, not ${style}.`);
  return {
    endpoint,
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined,
    // As boto3 decides it: servers other than AWS's rarely have a host for each bucket.
    pathStyle: style === 'path' || (style === 'auto' && endpoint !== undefined),
    ignoreTls: /^(true|1)$/i.test(env.MLFLOW_S3_IGNORE_TLS ?? ''),
    ca: caOf(env.AWS_CA_BUNDLE || env.REQUESTS_CA_BUNDLE),
    expectedBucketOwner: env.MLFLOW_S3_EXPECTED_BUCKET_OWNER || undefined,
    uploadArgs: uploadArgsOf(env.MLFLOW_S3_UPLOAD_EXTRA_ARGS),
  };
}

function endpointOf(env: Environment): string | undefined {
  const ignored = /^true$/i.test(env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS ?? '');
  const endpoint =
    env.MLFLOW_S3_ENDPOINT_URL || (ignored ? undefined : env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL);
  if (!endpoint) return undefined;
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint))
    throw new StartError('The endpoint of S3 must be a URL, as in https://s3.example.com.');
  return endpoint;
}

function caOf(file: string | undefined): string | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StartError(`AWS_CA_BUNDLE names ${file}, which cannot be read.`, { cause });
  }
}

/** A key is a secret: what is wrong is said without the value. */
function uploadArgsOf(text: string | undefined): Record<string, unknown> {
  if (!text) return {};
  const wrong = (why: string, cause?: unknown) =>
    new StartError(`MLFLOW_S3_UPLOAD_EXTRA_ARGS ${why}.`, { cause });
  let args: unknown;
  try {
    args = JSON.parse(text);
  } catch (cause) {
    throw wrong('must be JSON, as in {"ServerSideEncryption": "aws:kms"}', cause);
  }
  if (typeof args !== 'object' || args === null || Array.isArray(args)) throw wrong('must be a JSON object');
  const unknown = Object.keys(args).find((name) => !uploadArgs.has(name));
  if (unknown !== undefined) throw wrong(`names ${unknown}, which is no parameter of an upload`);
  return { ...args };
}
