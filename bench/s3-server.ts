import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { versitygw } from '../compat-tests/s3/servers.ts';
import { run, type Started, start } from './processes.ts';
import { type Destination, freePort } from './servers.ts';

/** versitygw on local files: an S3 server that checks signatures, and the only one that needs nothing else. */

const bucket = 'bench';

export interface S3Server extends Started {
  /** For a server that keeps its artifacts below this prefix. */
  destination(prefix: string): Destination;
  /** A URL by which anybody may do it for an hour. */
  presign(direction: 'up' | 'down', key: string): Promise<string>;
}

/** Builds versitygw where it is not there yet, as the tests do. */
export async function findVersitygw(): Promise<string> {
  const { module, bin } = versitygw;
  const program = join(bin, 'versitygw');
  if (!existsSync(program))
    await run('env', `GOBIN=${bin}`, 'go', 'install', module).catch((cause) => {
      throw new Error('The part artifacts needs Go, which makes versitygw, an S3 server.', { cause });
    });
  return program;
}

/** Starts it on a folder of its own. */
export async function startS3(program: string, folder: string): Promise<S3Server> {
  const port = await freePort();
  const root = join(folder, 's3');
  await mkdir(join(root, bucket), { recursive: true });
  const [accessKeyId, secretAccessKey, region] = ['bench', 'bench-secret', 'us-east-1'];
  const options = ['--port', `127.0.0.1:${port}`, '--access', accessKeyId, '--secret', secretAccessKey];
  const started = start(program, [...options, '--quiet', '--keep-alive', 'posix', root], {
    log: join(folder, 'versitygw.log'),
  });
  const endpoint = `http://127.0.0.1:${port}`;
  while (!(await fetch(endpoint).catch(() => undefined))) await sleep(20);
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // A checksum would be one of an empty body, which is all there is when the URL is made.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  return {
    ...started,
    destination: (prefix) => ({
      uri: `s3://${bucket}/${prefix}`,
      env: {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_DEFAULT_REGION: region,
        MLFLOW_S3_ENDPOINT_URL: endpoint,
      },
    }),
    presign: (direction, key) => {
      const what = { Bucket: bucket, Key: key };
      const command = direction === 'up' ? new PutObjectCommand(what) : new GetObjectCommand(what);
      return getSignedUrl(client, command, { expiresIn: 3600 });
    },
  };
}
