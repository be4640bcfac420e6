import type { S3Options } from '../objects/s3-client.ts';

/** What is known of S3 where nobody says anything. */
export const noS3: S3Options = {
  endpoint: undefined,
  region: undefined,
  pathStyle: false,
  ignoreTls: false,
  ca: undefined,
  expectedBucketOwner: undefined,
  uploadArgs: {},
};

/** A server of ours for the tests: no host for each bucket. */
export const localS3 = (endpoint: string): S3Options => ({
  ...noS3,
  endpoint,
  region: 'us-east-1',
  pathStyle: true,
});
