import { describe, expect, test } from 'vitest';
import { localStore } from './local.ts';
import { type ArtifactPlaces, listUnder, localPath, placeOf } from './locate.ts';
import type { ObjectStore, StoredEntry } from './object-store.ts';

const served = localStore('/srv/served');
const runs = localStore('/srv/mlruns');
const places: ArtifactPlaces = { served, folders: [{ folder: '/srv/mlruns', objects: runs }] };

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
    const files = await listUnder('mlflow-artifacts:/0/r', path, { served: recording, folders: [] });
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
