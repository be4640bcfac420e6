import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { artifactRoot, ownRoot } from './config-artifacts.ts';

const destination = (uri: string) => ownRoot('--artifacts-destination', uri);

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
    expect(() => destination(`${scheme}://x/y`)).toThrow(
      `--artifacts-destination cannot be a ${scheme}: root`,
    );
  });

  test('a file on another machine', () => {
    expect(() => destination('file://server/share')).toThrow('of this machine');
  });
});

test('destinations', () => {
  expect(destination('mlartifacts')).toBe(resolve('mlartifacts'));
  expect(destination('file:///srv/a%20b')).toBe('/srv/a b');
  expect(destination('s3://bucket')).toBe('s3://bucket');
  expect(destination('S3://bucket/a/b/')).toBe('s3://bucket/a/b');
  for (const uri of [
    's3:bucket',
    's3://',
    's3:///a',
    's3://user@bucket/a',
    's3://bucket/a/../b',
    's3://bucket/a?b',
  ])
    expect(() => destination(uri)).toThrow('must name a bucket');
});
