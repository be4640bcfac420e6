import type { IncomingMessage } from 'node:http';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SignatureV4 } from '@smithy/signature-v4';
import { keyArgs, type S3Place, uploadArgs, uploadHeaders } from './s3-place.ts';

/**
 * Requests for single objects that are signed and sent, and nothing else: AWS's client goes through two dozen steps for
 * each, which take it a millisecond, longer than S3 takes for a small object. They resolve to undefined where they did
 * not succeed, or need what only that client knows. It does them again from the beginning: it tries several times,
 * follows a bucket to another region and knows what errors mean.
 */
export interface QuickRequests {
  get(key: string, range: string | undefined, version: string | undefined): Promise<QuickAnswer | undefined>;
  /** The hash is of the bytes, SHA-256 in hexadecimal. */
  put(path: string, key: string, bytes: Uint8Array, sha256: string): Promise<QuickAnswer | undefined>;
}

export interface QuickAnswer {
  /** Their names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: IncomingMessage;
}

export function quickRequests(place: S3Place): QuickRequests {
  const send = sender(place);
  // Keys of the client's own travel with their hash.
  const isPlain = Object.keys(keyArgs(place)).length === 0;
  return {
    get: async (key, range, version) =>
      isPlain ? send({ method: 'GET', key, query: { versionId: version }, headers: { range } }) : undefined,
    async put(path, key, bytes, sha256) {
      const args = Object.entries(uploadArgs(place, path));
      if (!isPlain || args.some(([name]) => !uploadHeaders[name])) return undefined;
      const headers = Object.fromEntries(args.map(([name, value]) => [uploadHeaders[name], String(value)]));
      const answer = await send({ method: 'PUT', key, query: {}, headers, body: { bytes, sha256 } });
      answer?.body.resume();
      return answer;
    },
  };
}

type Fields = Readonly<Record<string, string | undefined>>;

interface ObjectRequest {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  readonly query: Fields;
  readonly headers: Fields;
  readonly body?: { readonly bytes: Uint8Array; readonly sha256: string };
}

function sender({ client, bucket, options }: S3Place) {
  const { config } = client;
  const find = async () => {
    const url = new URL(await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: 'key' })));
    const signer = new SignatureV4({
      service: 's3',
      region: config.region,
      credentials: config.credentials,
      sha256: config.sha256,
      uriEscapePath: false,
    });
    return { signer, url, folder: url.pathname.slice(0, -'key'.length) };
  };
  let found: ReturnType<typeof find> | undefined;

  const send = async ({ method, key, query, headers, body }: ObjectRequest) => {
    found ??= find();
    const { signer, url, folder } = await found;
    const signed = await signer.sign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port && { port: Number(url.port) }),
        path: folder + key.split('/').map(escaped).join('/'),
        query: given(query),
        headers: given({
          ...headers,
          host: url.host,
          'x-amz-expected-bucket-owner': options.expectedBucketOwner,
          'x-amz-content-sha256': body?.sha256 ?? hashOfNothing,
          'content-length': body && String(body.bytes.byteLength),
        }),
        body: body?.bytes,
      },
      { signingDate: new Date(Date.now() + config.systemClockOffset) },
    );
    const { response } = await config.requestHandler.handle(signed);
    if (response.statusCode < 300) return { headers: response.headers, body: response.body };
    response.body.resume();
    return undefined;
  };

  return (request: ObjectRequest): Promise<QuickAnswer | undefined> =>
    send(request).catch((error: Error) => {
      // It was waited for long enough.
      if (error.name === 'TimeoutError') throw error;
      found = undefined;
      return undefined;
    });
}

const given = (fields: Fields): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined),
  );

const hashOfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** As the signature has it: RFC 3986. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
