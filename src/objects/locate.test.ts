import { describe, expect, test } from 'vitest';
import { localStore } from './local.ts';
import { type ArtifactPlaces, canReach, listUnder, localPath, placeOf } from './locate.ts';
import type { ObjectStore, StoredEntry } from './object-store.ts';

const served = localStore('/srv/served');
const runs = localStore('/srv/mlruns');
const places: ArtifactPlaces = { served, folders: [{ folder: '/srv/mlruns', objects: runs }], buckets: [] };

describe('placeOf', () => {
  test.each([
    ['mlflow-artifacts:/0/r/artifacts', '0/r/artifacts/m/MLmodel'],
    ['mlflow-artifacts://host:5000/0/r/artifacts', '0/r/artifacts/m/MLmodel'],
    ['mlflow-artifacts:/0/a%20b', '0/a%20b/m/MLmodel'],
    ['mlflow-artifacts:/', 'm/MLmodel'],
    ['http://h/api/2.0/mlflow-artifacts/artifacts/0/r', '0/r/m/MLmodel'],
    ['https://h/p/api/2.0/mlflow-artifacts/artifacts/0', '0/m/MLmodel'],
  ])('%s is served', (uri, path) => {
    const place = placeOf(uri, 'm/MLmodel', places);
    expect(place.objects).toBe(served);
    expect(place.path).toBe(path);
  });

  test.each([
    ['/srv/mlruns/0/r/artifacts', '0/r/artifacts/m'],
    ['/srv/mlruns', 'm'],
    ['file:///srv/mlruns/0/a%20b', '0/a b/m'],
    ['file:/srv/mlruns/0', '0/m'],
    ['file://localhost/srv/mlruns/0', '0/m'],
  ])('%s is in a folder of the server', (uri, path) => {
    const place = placeOf(uri, 'm', places);
    expect(place.objects).toBe(runs);
    expect(place.path).toBe(path);
  });

  test.each([
    's3://bucket/x',
    'gs://bucket/x',
    'dbfs:/x',
    'file:///etc',
    'file:///srv/mlruns/../secret',
    'file:///srv/mlruns%2f..%2fsecret',
    'file://elsewhere/srv/mlruns',
    '/srv/mlruns-of-others/0',
    '/srv/mlruns/../secret',
    '/srv',
    '/',
    '',
    '.',
    'http://h/other/0',
    'models:/m/1',
    'runs:/r/m',
  ])('%j is refused', (uri) => {
    expect(() => placeOf(uri, 'm', places)).toThrow(
      expect.objectContaining({
        code: 'INVALID_PARAMETER_VALUE',
        message: expect.stringContaining('cannot reach the artifacts'),
      }),
    );
  });

  test('with --no-serve-artifacts the proxy leads nowhere', () => {
    expect(() => placeOf('mlflow-artifacts:/0/r', 'm', { ...places, served: undefined })).toThrow(
      "cannot reach the artifacts at 'mlflow-artifacts:/0/r'",
    );
  });
});

describe('on S3', () => {
  const inner = localStore('/inner');
  const outer = localStore('/outer');
  const whole = localStore('/whole');
  const onS3: ArtifactPlaces = {
    served: undefined,
    folders: [],
    buckets: [
      { bucket: 'b', prefix: 'a', objects: outer },
      { bucket: 'b', prefix: 'a/b', objects: inner },
      { bucket: 'all', prefix: '', objects: whole },
    ],
  };

  test.each([
    ['s3://b/a', outer, 'm'],
    ['s3://b/a/', outer, 'm'],
    ['S3://b/a/x/y', outer, 'x/y/m'],
    ['s3://b/a/b', inner, 'm'],
    ['s3://b/a/b/c', inner, 'c/m'],
    ['s3://b//a/./bc', outer, 'bc/m'],
    ['s3://all', whole, 'm'],
    ['s3://all/x', whole, 'x/m'],
  ])('%s', (uri, objects, path) => {
    const place = placeOf(uri, 'm', onS3);
    expect(place.objects).toBe(objects);
    expect(place.path).toBe(path);
    expect(canReach(uri, onS3)).toBe(true);
  });

  test.each([
    's3://b',
    's3://b/ab',
    's3://b/A',
    's3://b/a/../x',
    's3://other/a',
    's3:/b/a',
    's3:///a',
    's3://x@b/a',
    's3a://b/a',
    'gs://b/a',
    'https://b.s3.amazonaws.com/a',
    'mlflow-artifacts:/a',
    '/b/a',
  ])('%s is refused', (uri) => {
    expect(() => placeOf(uri, 'm', onS3)).toThrow('cannot reach the artifacts');
    expect(canReach(uri, onS3)).toBe(false);
  });
});

test('of roots in each other the inner one is meant, and what leads upwards is out of reach', () => {
  const inner = localStore('/srv/mlruns/served');
  const nested = {
    ...places,
    folders: [...places.folders, { folder: '/srv/mlruns/served', objects: inner }],
  };
  expect(placeOf('/srv/mlruns/served/x', 'm', nested)).toEqual({ objects: inner, path: 'x/m' });
  expect(placeOf('/srv/mlruns/other', 'm', nested)).toEqual({ objects: runs, path: 'other/m' });
  expect(canReach('mlflow-artifacts:/0/../x', places)).toBe(false);
  expect(canReach('mlflow-artifacts:/0/x', places)).toBe(true);
});

describe('listUnder', () => {
  const entries: StoredEntry[] = [
    { name: 'MLmodel', size: 12 },
    { name: 'data', size: undefined },
  ];
  const asked: string[] = [];
  const recording: ObjectStore = {
    ...served,
    list: async (path) => {
      asked.push(path);
      return entries;
    },
  };

  test.each([
    [undefined, '0/r/', ''],
    ['', '0/r/', ''],
    ['m', '0/r/m', 'm/'],
    ['m/', '0/r/m/', 'm/'],
    ['./m', '0/r/./m', './m/'],
    ['m%2fn', '0/r/m/n', 'm/n/'],
  ])('the folder %j', async (path, wanted, prefix) => {
    const files = await listUnder('mlflow-artifacts:/0/r', path, {
      served: recording,
      folders: [],
      buckets: [],
    });
    expect(files).toEqual([
      { path: `${prefix}MLmodel`, is_dir: false, file_size: 12 },
      { path: `${prefix}data`, is_dir: true },
    ]);
    expect(asked.at(-1)).toBe(wanted);
  });

  test('a path that leads out', async () => {
    await expect(listUnder('mlflow-artifacts:/0/r', '%2e%2e', places)).rejects.toThrow('Invalid path');
  });
});

test.each([
  ['/a/../b', '/b'],
  ['file:///a%20b', '/a b'],
  ['s3://a/b', undefined],
  ['', undefined],
])('localPath(%j)', (uri, path) => {
  expect(localPath(uri)).toBe(path);
});
