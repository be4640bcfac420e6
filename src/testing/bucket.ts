import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import type { ObjectStore } from '../objects/object-store.ts';
import { s3Store } from '../objects/s3.ts';
import { createS3Client, type S3Options } from '../objects/s3-client.ts';
import type { S3Place } from '../objects/s3-place.ts';
import { localS3 } from './no-s3.ts';

export const s3Options = (changes: Partial<S3Options> = {}): S3Options => ({
  ...localS3(inject('s3')),
  ...changes,
});

export interface TestBucket extends S3Place {
  readonly store: ObjectStore;
}

/** An empty bucket of its own with a store in it. */
export async function freshBucket(
  changes: Partial<S3Place> = {},
  options: Partial<S3Options> = {},
  versioned = false,
): Promise<TestBucket> {
  const all = s3Options(options);
  const place = {
    client: createS3Client(all),
    bucket: `tests-${randomUUID()}`,
    prefix: 'some/prefix',
    options: all,
    typeOf: () => 'application/octet-stream',
    ...changes,
  };
  await place.client.send(new CreateBucketCommand({ Bucket: place.bucket }));
  if (versioned)
    await place.client.send(
      new PutBucketVersioningCommand({
        Bucket: place.bucket,
        VersioningConfiguration: { Status: 'Enabled' },
      }),
    );
  return { ...place, store: s3Store(place) };
}
