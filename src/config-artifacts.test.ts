import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { artifactRoot, localDestination } from './config-artifacts.ts';

test.each([
  ['mlflow-artifacts:/', 'mlflow-artifacts:'],
  ['mlflow-artifacts:/team/', 'mlflow-artifacts:/team'],
  ['mlflow-artifacts://other:5000/x', 'mlflow-artifacts://other:5000/x'],
  ['s3://bucket/', 's3://bucket'],
  ['https://other/api', 'https://other/api'],
  ['./mlruns', resolve('mlruns')],
  ['/srv/artifacts/', '/srv/artifacts'],
  ['file:///srv/a%20b/', 'file:///srv/a%20b'],
  ['file:relative', `file://${resolve('relative')}`],
])('the root %s', (uri, expected) => {
  expect(artifactRoot(uri)).toBe(expected);
});

describe('refused', () => {
  const schemes = [
    'gs',
    'wasbs',
    'abfss',
    'hdfs',
    'viewfs',
    'dbfs',
    'ftp',
    'sftp',
    'r2',
    'b2',
    'runs',
    'models',
  ];
  test.each(schemes)('%s', (scheme) => {
    expect(() => artifactRoot(`${scheme}://x/y`)).toThrow(
      `--default-artifact-root cannot be a ${scheme}: root`,
    );
    expect(() => localDestination(`${scheme}://x/y`)).toThrow(
      `--artifacts-destination cannot be a ${scheme}: root`,
    );
  });

  test('a file on another machine', () => {
    expect(() => localDestination('file://server/share')).toThrow('of this machine');
  });
});

test('destinations', () => {
  expect(localDestination('mlartifacts')).toBe(resolve('mlartifacts'));
  expect(localDestination('file:///srv/a%20b')).toBe('/srv/a b');
  expect(() => localDestination('s3://b')).toThrow('cannot be on S3 yet');
});
