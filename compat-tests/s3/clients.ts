import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { runClient, startServerWith } from '../clients/run.ts';
import { failed, scratch, stop, type Totals, timed } from '../processes.ts';
import { credentials } from './servers.ts';

/** The tests that log, register and load. */
const files = ['test_artifacts.py', 'test_fraud_detector.py', 'test_logged_models.py'];

/** Uploads of more than so many bytes go in parts, and downloads in pieces, so that the tests' own files do. */
const inParts = {
  MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE: String(8 * 1024 * 1024),
  MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE: String(6 * 1024 * 1024),
  MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE: String(5 * 1024 * 1024),
};

const throughServer = {
  MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'false',
  MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
};

/**
 * The Python client against servers whose artifacts lie on an S3 server, by each way that the bytes can go: through
 * our server, by URLs that it signs, and straight to S3 with credentials of the client's own.
 */
export async function runClientsOnS3(label: string, endpoint: string, python: string): Promise<Totals[]> {
  const bucket = `clients-${randomUUID()}`;
  const client = new S3Client({
    endpoint,
    region: credentials.AWS_REGION,
    forcePathStyle: true,
    credentials: {
      accessKeyId: credentials.AWS_ACCESS_KEY_ID,
      secretAccessKey: credentials.AWS_SECRET_ACCESS_KEY,
    },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const s3 = { ...credentials, MLFLOW_S3_ENDPOINT_URL: endpoint };
  const proxied = ['--artifacts-destination', `s3://${bucket}/proxied`];
  const direct = ['--no-serve-artifacts', '--default-artifact-root', `s3://${bucket}/direct`];
  const ways = [
    { way: 'through the server', args: proxied, env: throughServer },
    { way: 'by signed URLs', args: proxied, env: inParts },
    {
      way: 'straight to S3',
      args: direct,
      env: { ...s3, TABULARIUM_ARTIFACT_ROOT: `s3://${bucket}/direct` },
    },
  ];
  const totals: Totals[] = [];
  for (const [i, { way, args, env }] of ways.entries()) {
    const name = `${label}, ${way}`;
    const run = async () => {
      const data = ['--data-dir', join(scratch, `${label}-${i}`)];
      const { url, server } = await startServerWith(s3, [...data, ...args]);
      const total = await runClient(name, python, { MLFLOW_TRACKING_URI: url, ...env }, files);
      await stop(server);
      return [total];
    };
    totals.push(...(await timed(name, run).catch(failed)));
  }
  return totals;
}
