import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, inject, test } from 'vitest';
import { freshBucket } from '../../src/testing/bucket.ts';
import { credentials } from '../s3/servers.ts';
import { postgresUri } from './database.ts';
import { killAgainAndAgain } from './killed.ts';
import { stopAll } from './process.ts';

const time = 180_000;

afterEach(stopAll, time);

test(
  'on S3, too, a server that is killed at any moment leaves what it registered READY and right, or not there',
  async () => {
    const database = await postgresUri(inject('postgres'));
    const { bucket: Bucket, client } = await freshBucket();
    await killAgainAndAgain(
      {
        options: ['--backend-store-uri', database.uri, '--artifacts-destination', `s3://${Bucket}`],
        env: { ...credentials, MLFLOW_S3_ENDPOINT_URL: inject('s3') },
        // As a client with credentials of its own writes.
        async write(Key, Body) {
          await client.send(new PutObjectCommand({ Bucket, Key, Body }));
        },
      },
      100,
    );
    await stopAll();
    await database.drop();
  },
  time,
);
