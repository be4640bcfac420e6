import type { ObjectStore } from './object-store.ts';
import type { S3Options } from './s3-client.ts';

/** A bucket or a part of it: `prefix` has no slash at either end, '' is the whole bucket. */
export interface BucketRoot {
  readonly bucket: string;
  readonly prefix: string;
}

/**
 * Makes stores on S3 that share their connections. AWS's SDK is loaded by the first request to one of them: it takes
 * 0.4 s and 57 MB, which a server without S3 does not spend.
 */
export function s3Stores(options: S3Options, typeOf: (name: string) => string) {
  let loading: ReturnType<typeof load> | undefined;
  return ({ bucket, prefix }: BucketRoot): ObjectStore => {
    let made: Promise<ObjectStore> | undefined;
    const store = (): Promise<ObjectStore> => {
      loading ??= load(options);
      made ??= loading.then(({ client, s3Store }) => s3Store({ client, bucket, prefix, options, typeOf }));
      return made;
    };
    const presign = async () => {
      const { presign } = await store();
      if (!presign) throw new Error('S3 presigns');
      return presign;
    };
    return {
      put: async (...args) => (await store()).put(...args),
      get: async (...args) => (await store()).get(...args),
      stat: async (...args) => (await store()).stat(...args),
      list: async (...args) => (await store()).list(...args),
      walk: async function* (...args) {
        yield* (await store()).walk(...args);
      },
      copy: async (...args) => (await store()).copy(...args),
      delete: async (...args) => (await store()).delete(...args),
      sweep: async (...args) => (await store()).sweep(...args),
      presign: {
        download: async (...args) => (await presign()).download(...args),
        upload: async (...args) => (await presign()).upload(...args),
        createMultipart: async (...args) => (await presign()).createMultipart(...args),
        completeMultipart: async (...args) => (await presign()).completeMultipart(...args),
        abortMultipart: async (...args) => (await presign()).abortMultipart(...args),
      },
    };
  };
}

async function load(options: S3Options) {
  const [{ createS3Client }, { s3Store }] = await Promise.all([import('./s3-client.ts'), import('./s3.ts')]);
  return { client: createS3Client(options), s3Store };
}
