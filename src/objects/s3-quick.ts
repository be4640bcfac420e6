import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SignatureV4 } from '@smithy/signature-v4';
import { fileKeyOf, keyArgs, keyOf, type S3Place, uploadArgs, uploadHeaders } from './s3-place.ts';
import type { Outcome } from './s3-upload.ts';

/**
 * Requests for single objects that are signed and sent, and nothing else: AWS's client goes through two dozen steps for
 * each, which take it a millisecond, longer than S3 takes for a small object. They resolve to undefined where they did
 * not succeed, or need what only that client knows. It does them again from the beginning: it tries several times,
 * follows a bucket to another region and knows what errors mean.
 */
export interface QuickRequests {
  get(path: string, range: string | undefined, version: string | undefined): Promise<Got | undefined>;
  /** The hash is of the bytes, SHA-256 in hexadecimal. */
  put(path: string, bytes: Uint8Array, sha256: string): Promise<Outcome | undefined>;
}

/** What S3 says of an object, and its bytes. */
export interface Got extends Outcome {
  readonly size: number | undefined;
  /** As the header `Content-Range` has it. */
  readonly range: string | undefined;
  readonly modified: Date | undefined;
  readonly body: Readable;
}

export function quickRequests(place: S3Place): QuickRequests {
  const send = sender(place);
  // Keys of the client's own travel with their hash.
  const isPlain = Object.keys(keyArgs(place)).length === 0;
  return {
    async get(path, range, version) {
      const key = keyOf(place, path);
      const answer = isPlain
        ? await send({ method: 'GET', key, query: { versionId: version }, headers: { range } })
        : undefined;
      if (!answer) return undefined;
      const { headers, body } = answer;
      const length = headers['content-length'];
      return {
        ...outcomeOf(headers),
        size: length === undefined ? undefined : Number(length),
        range: headers['content-range'],
        modified: new Date(headers['last-modified'] ?? 0),
        body,
      };
    },
    async put(path, bytes, sha256) {
      const key = fileKeyOf(place, path);
      const args = uploadArgs(place, path);
      const headers = uploadHeaders(args);
      if (!isPlain || Object.keys(headers).length < Object.keys(args).length) return undefined;
      const answer = await send({ method: 'PUT', key, query: {}, headers, body: { bytes, sha256 } });
      answer?.body.resume();
      return answer && outcomeOf(answer.headers);
    },
  };
}

const outcomeOf = (headers: Fields): Outcome => ({
  etag: headers.etag,
  version: headers['x-amz-version-id'],
});

/** Names of headers in lower case in what S3 answers. */
type Fields = Readonly<Record<string, string | undefined>>;

interface ObjectRequest {
  readonly method: 'GET' | 'PUT';
  readonly key: string;
  readonly query: Fields;
  readonly headers: Fields;
  readonly body?: { readonly bytes: Uint8Array; readonly sha256: string };
}

interface Answer {
  readonly headers: Fields;
  readonly body: IncomingMessage;
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
          'x-amz-content-sha256': body?.sha256,
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

  return (request: ObjectRequest): Promise<Answer | undefined> =>
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

/** As the signature has it: RFC 3986. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
