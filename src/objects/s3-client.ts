import { createHash, createHmac, createSecretKey, type Hash, type Hmac } from 'node:crypto';
import { S3Client } from '@aws-sdk/client-s3';

/** How S3 is reached. Credentials come by AWS's own chain: its variables, its files, the machine's role. */
export interface S3Options {
  /** Of another server than AWS's. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** Whether the bucket is named in the path of a URL, not in its host. */
  readonly pathStyle: boolean;
  /** Whether the certificate of the endpoint is believed unchecked. */
  readonly ignoreTls: boolean;
  /** Certificates of the authorities that are believed, in PEM. */
  readonly ca: string | undefined;
  /** The AWS account that must own the bucket. */
  readonly expectedBucketOwner: string | undefined;
  /** Parameters of each upload by the names that AWS gives them, as in `ServerSideEncryption`. */
  readonly uploadArgs: Readonly<Record<string, unknown>>;
}

/** Milliseconds. A server that says nothing for so long is taken for gone; clients give up after 120 s. */
const usualTimeouts = { connectionTimeout: 5_000, socketTimeout: 60_000 };

/** Connections at once: each transfer through the proxy holds one for as long as its client takes. */
const maxSockets = 512;

/** Where neither a variable nor a file of AWS names a region, as boto3 has it. */
const usualRegion = 'us-east-1';

export function createS3Client(options: S3Options, timeouts = usualTimeouts): S3Client {
  const tls = { rejectUnauthorized: !options.ignoreTls, ca: options.ca };
  const agent = { keepAlive: true, maxSockets };
  return new S3Client({
    endpoint: options.endpoint,
    region: options.region ?? (() => new S3Client({}).config.region().catch(() => usualRegion)),
    forcePathStyle: options.pathStyle,
    followRegionRedirects: true,
    // Checksums beside the bytes cost as much as sending them, and many servers refuse them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    sha256: Sha256,
    // What fails is told by who asked.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    requestHandler: {
      ...timeouts,
      httpAgent: agent,
      httpsAgent: { ...agent, ...tls },
    },
  });
}

/** SHA-256 for signatures: Node's HMAC takes 3 microseconds with a key of Node's own, and 15 as AWS's class asks for it. */
class Sha256 {
  readonly #start: () => Hash | Hmac;
  #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret && createSecretKey(Buffer.from(secret as Uint8Array));
    this.#start = () => (key ? createHmac('sha256', key) : createHash('sha256'));
    this.#hash = this.#start();
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#start();
  }
}
