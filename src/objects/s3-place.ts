import type { S3Client } from '@aws-sdk/client-s3';
import { invalidParameter } from '../contract/error.ts';
import { namesIn } from './every-store.ts';
import type { S3Options } from './s3-client.ts';
import type { UploadLimits } from './s3-upload.ts';

/** A prefix of a bucket as a store, and all that its requests need. */
export interface S3Place {
  readonly client: S3Client;
  readonly bucket: string;
  /** Without a slash at either end; '' is the whole bucket. */
  readonly prefix: string;
  readonly options: Pick<S3Options, 'expectedBucketOwner' | 'uploadArgs'>;
  /** The media type that a name suggests. */
  readonly typeOf: (name: string) => string;
  /** Only tests have other limits than those of S3. */
  readonly limits?: UploadLimits;
}

/** The key of a path. */
export function keyOf({ prefix }: S3Place, path: string): string {
  return [prefix, ...namesIn(path)].filter((part) => part !== '').join('/');
}

/** The key of a file to write, which the root is not. */
export function fileKeyOf(place: S3Place, path: string): string {
  const key = keyOf(place, path);
  if (key === place.prefix) throw invalidParameter('Invalid path');
  return key;
}

/** What the keys of all in a folder begin with. */
export function folderOf(place: S3Place, path: string): string {
  const key = keyOf(place, path);
  return key === '' ? '' : `${key}/`;
}

/** What every request says. */
export const common = ({ bucket, options }: S3Place) => ({
  Bucket: bucket,
  ExpectedBucketOwner: options.expectedBucketOwner,
});

/** A key of the client's own is needed for reading, too. */
export const keyArgs = ({ options }: S3Place): object =>
  Object.fromEntries(Object.entries(options.uploadArgs).filter(([name]) => name.startsWith('SSECustomer')));

/** The parameters of an upload, by AWS's names. */
export const uploadArgs = (place: S3Place, path: string): Readonly<Record<string, unknown>> => ({
  ContentType: place.typeOf(path),
  ...place.options.uploadArgs,
});

/** The parameters of an upload as the headers by which they travel; what AWS names none for is left out. */
export const uploadHeaders = (args: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(args).flatMap(([name, value]) =>
      headers[name] ? [[headers[name], String(value)] as const] : [],
    ),
  );

/** AWS's names for both. */
const headers: Readonly<Record<string, string>> = {
  ACL: 'x-amz-acl',
  CacheControl: 'Cache-Control',
  ContentDisposition: 'Content-Disposition',
  ContentEncoding: 'Content-Encoding',
  ContentLanguage: 'Content-Language',
  ContentType: 'Content-Type',
  Expires: 'Expires',
  GrantFullControl: 'x-amz-grant-full-control',
  GrantRead: 'x-amz-grant-read',
  GrantReadACP: 'x-amz-grant-read-acp',
  GrantWriteACP: 'x-amz-grant-write-acp',
  ObjectLockLegalHoldStatus: 'x-amz-object-lock-legal-hold',
  ObjectLockMode: 'x-amz-object-lock-mode',
  ObjectLockRetainUntilDate: 'x-amz-object-lock-retain-until-date',
  RequestPayer: 'x-amz-request-payer',
  SSECustomerAlgorithm: 'x-amz-server-side-encryption-customer-algorithm',
  SSECustomerKey: 'x-amz-server-side-encryption-customer-key',
  SSECustomerKeyMD5: 'x-amz-server-side-encryption-customer-key-MD5',
  SSEKMSEncryptionContext: 'x-amz-server-side-encryption-context',
  SSEKMSKeyId: 'x-amz-server-side-encryption-aws-kms-key-id',
  ServerSideEncryption: 'x-amz-server-side-encryption',
  StorageClass: 'x-amz-storage-class',
  Tagging: 'x-amz-tagging',
  WebsiteRedirectLocation: 'x-amz-website-redirect-location',
};
