import { describe, expect, test } from 'vitest';
import { localStore } from '../../objects/local.ts';
import type { ArtifactPlaces } from '../../objects/locate.ts';
import { Holders, placeOrNone } from './holders.ts';
import { type Item, ownFolder, parseAge } from './rules.ts';

describe('ages', () => {
  test.each([
    ['30d', 2_592_000_000n],
    ['2d8h5m20s', 201_920_000n],
    ['1.5h', 5_400_000n],
    ['20s', 20_000n],
    ['0.0001s', 0n],
  ])('%s', (text, milliseconds) => {
    expect(parseAge(text)).toBe(milliseconds);
  });

  test.each(['', '30', '30x', '5m2d', '-1d', '1..5d', '.d', ' 1d', '1e3d', `${'9'.repeat(400)}d`])(
    '%j',
    (text) => {
      expect(() => parseAge(text)).toThrow('Could not parse any time information');
    },
  );
});

const item = (id: string, location: string, more: Partial<Item> = {}): Item => ({
  kind: 'run',
  id,
  location,
  runId: id,
  ...more,
});

test.each([
  ['mlflow-artifacts:/1/r1/artifacts', 'mlflow-artifacts:/1/r1'],
  ['/data/1/r1/artifacts/', '/data/1/r1'],
  ['s3://b/r1/elsewhere', 's3://b/r1/elsewhere'],
  ['s3://b/shared', undefined],
  ['s3://b/xr1/artifacts', undefined],
])('the folder of %s', (location, folder) => {
  expect(ownFolder(item('r1', location))).toBe(folder);
});

describe('what versions need', () => {
  const places: ArtifactPlaces = {
    served: localStore('/served'),
    folders: [{ folder: '/runs', objects: localStore('/runs') }],
    buckets: [],
  };
  const served = item('r1', 'mlflow-artifacts:/1/r1/artifacts');
  const local = item('r2', 'file:///runs/1/r2/artifacts');
  const remote = item('r3', 's3://b/1/r3/artifacts');
  const model = item('m-1', 'mlflow-artifacts:/1/models/m-1/artifacts', {
    kind: 'logged-model',
    runId: 'r9',
  });
  const items = [served, local, remote, model];

  const holders = (source: string, { storageLocation = source, runId = '' } = {}) => {
    const found = new Holders(items, places);
    found.show({ name: 'm', version: 1, runId, source, storageLocation });
    return items.filter((one) => found.of(one));
  };

  test.each([
    ['mlflow-artifacts:/1/r1/artifacts/model', [served]],
    ['mlflow-artifacts://host:5000/1/r1/artifacts', [served]],
    ['https://host/api/2.0/mlflow-artifacts/artifacts/1/r1/artifacts/model', [served]],
    ['mlflow-artifacts:/1/%721/artifacts/model', [served]],
    ['mlflow-artifacts:/1//r1/./artifacts', [served]],
    ['mlflow-artifacts:/1', [served, model]],
    ['mlflow-artifacts:/1/models/m-1/artifacts', [model]],
    ['mlflow-artifacts:/', []],
    ['mlflow-artifacts:/1/r11/artifacts', []],
    ['/runs/1/r2/artifacts/model', [local]],
    ['file:///runs/1/x/../r2', [local]],
    ['/elsewhere/1/r2/artifacts', []],
    ['s3://b/1/r3/artifacts/model', [remote]],
    ['s3://other/1/r3/artifacts/model', []],
    ['runs:/r1/model', [served]],
    ['runs:/r9/model', [model]],
    ['models:/m-1', [model]],
    ['models:/name/3', []],
    ['not a URI', []],
  ])('%s', (source, needed) => {
    expect(holders(source)).toEqual(needed);
  });

  test('the run that a version names, and the place that it was given', () => {
    expect(holders('s3://elsewhere/x', { runId: 'r2' })).toEqual([local]);
    expect(holders('models:/other/1', { storageLocation: 'mlflow-artifacts:/1/r1/artifacts' })).toEqual([
      served,
    ]);
  });

  test('a root as a whole is no place to delete', () => {
    expect(placeOrNone('mlflow-artifacts:/', places)).toBeUndefined();
    expect(placeOrNone('mlflow-artifacts:/1/../..', places)).toBeUndefined();
    expect(placeOrNone('s3://b/x', places)).toBeUndefined();
  });
});
