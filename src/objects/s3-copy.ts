import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CopyObjectCommandInput,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { common, keyArgs, type S3Place } from './s3-place.ts';

/** S3 copies parts side by side. */
const atOnce = 4;

/**
 * Copies an object that is too long for one request, within S3. The parts are of one and the same object: the request
 * names its etag.
 */
export async function copyInParts(
  place: S3Place,
  request: CopyObjectCommandInput & { Key: string },
  size: number,
  partSize: number,
): Promise<{ etag: string | undefined; version: string | undefined }> {
  const { client, options } = place;
  const at = { ...common(place), ...keyArgs(place), Key: request.Key };
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({
      ...common(place),
      ContentType: place.typeOf(request.Key),
      ...options.uploadArgs,
      Key: request.Key,
    }),
  );
  const parts: CompletedPart[] = [];
  const numbers = Array.from({ length: Math.ceil(size / partSize) }, (_, i) => i + 1).values();
  const copySome = async () => {
    for (const PartNumber of numbers) {
      const start = (PartNumber - 1) * partSize;
      const end = Math.min(start + partSize, size) - 1;
      const range = { CopySourceRange: `bytes=${start}-${end}`, UploadId, PartNumber };
      const { CopyPartResult } = await client.send(
        new UploadPartCopyCommand({ ...request, ...at, ...range }),
      );
      parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, copySome));
    parts.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    const { ETag, VersionId } = await client.send(
      new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } }),
    );
    return { etag: ETag, version: VersionId };
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand({ ...at, UploadId })).catch(() => {});
    throw error;
  }
}
