import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { invalidParameter } from '../contract/error.ts';
import type { Presign } from './object-store.ts';
import { told } from './s3-errors.ts';
import { common, fileKeyOf, keyArgs, type S3Place, uploadArgs, uploadHeaders } from './s3-place.ts';

/** What S3 puts together at most. */
const mostParts = 10_000;

/** How long the URL of a part holds, in seconds; as long as boto3's. */
const partTime = 3600;

export function s3Presign(place: S3Place): Presign {
  const { client } = place;
  const at = (path: string) => ({ ...common(place), Key: fileKeyOf(place, path) });

  const download: Presign['download'] = async (path, seconds) => {
    const { ContentLength = 0 } = await client.send(
      new HeadObjectCommand({ ...at(path), ...keyArgs(place) }),
    );
    // Saved, never shown: it would be a page of the bucket's host.
    const ResponseContentDisposition = attachment(path.slice(path.lastIndexOf('/') + 1));
    const url = await getSignedUrl(
      client,
      new GetObjectCommand({ ...at(path), ResponseContentDisposition }),
      {
        expiresIn: seconds,
      },
    );
    return { url, size: ContentLength };
  };

  const upload: Presign['upload'] = async (path, seconds) => {
    const args = uploadArgs(place, path);
    const headers = uploadHeaders(args);
    const url = await getSignedUrl(client, new PutObjectCommand({ ...at(path), ...args }), {
      expiresIn: seconds,
      // What is sent as a header must be signed as one.
      unhoistableHeaders: new Set(Object.keys(headers).map((name) => name.toLowerCase())),
    });
    return { url, headers };
  };

  const createMultipart: Presign['createMultipart'] = async (path, parts) => {
    if (parts > mostParts) throw invalidParameter(`An upload has at most ${mostParts} parts, not ${parts}`);
    const { UploadId = '' } = await client.send(
      new CreateMultipartUploadCommand({
        ...at(path),
        ...uploadArgs(place, path),
      }),
    );
    const urls: string[] = [];
    for (let PartNumber = 1; PartNumber <= parts; PartNumber++)
      urls.push(
        await getSignedUrl(client, new UploadPartCommand({ ...at(path), UploadId, PartNumber }), {
          expiresIn: partTime,
        }),
      );
    return { uploadId: UploadId, urls };
  };

  return {
    download: (path, seconds) => told.one(path, download(path, seconds)),
    upload: (path, seconds) => told.one(path, upload(path, seconds)),
    createMultipart: (path, parts) => told.one(path, createMultipart(path, parts)),
    async completeMultipart(path, uploadId, parts) {
      const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
      const request = { ...at(path), ...keyArgs(place), UploadId: uploadId, MultipartUpload: { Parts } };
      await told.one(path, client.send(new CompleteMultipartUploadCommand(request)));
    },
    async abortMultipart(path, uploadId) {
      await told.one(path, client.send(new AbortMultipartUploadCommand({ ...at(path), UploadId: uploadId })));
    },
  };
}

/** RFC 6266; what is no printable ASCII travels encoded. */
function attachment(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return `attachment; filename="${name.replace(/["\\]/g, '\\$&')}"`;
  return `attachment; filename*=UTF-8''${encodeURIComponent(name)}`;
}
