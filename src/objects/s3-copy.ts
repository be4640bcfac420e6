import { type CompletedPart, type CopyObjectCommandInput, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { inParts, type Outcome, type UploadTarget } from './s3-upload.ts';

/** S3 copies parts side by side. */
const atOnce = 4;

/**
 * Copies an object that is too long for one request, within S3. The parts are of one and the same object: the request
 * names its etag.
 */
export function copyInParts(
  target: UploadTarget,
  request: CopyObjectCommandInput,
  size: number,
  partSize: number,
): Promise<Outcome> {
  return inParts(target, async (at) => {
    const parts: CompletedPart[] = [];
    const numbers = Array.from({ length: Math.ceil(size / partSize) }, (_, i) => i + 1).values();
    const copySome = async () => {
      for (const PartNumber of numbers) {
        const start = (PartNumber - 1) * partSize;
        const end = Math.min(start + partSize, size) - 1;
        const range = { CopySourceRange: `bytes=${start}-${end}`, PartNumber };
        const { CopyPartResult } = await target.client.send(
          new UploadPartCopyCommand({ ...request, ...at, ...range }),
        );
        parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, copySome));
    return parts.sort((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  });
}
