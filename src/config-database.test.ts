import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDatabaseUri } from './config-database.ts';

const options = (uri: string, env = {}) => parseDatabaseUri(uri, env).options as Record<string, unknown>;
const tls = (uri: string) => options(uri).ssl as Record<string, unknown>;

test.each(['postgresql', 'postgres', 'postgresql+psycopg2', 'postgresql+psycopg'])('%s://', (scheme) => {
  expect(parseDatabaseUri(`${scheme}://ada:secret@db.example:6543/registry`, {})).toEqual({
    kind: 'external',
    options: {
      host: ['db.example'],
      port: [6543],
      user: 'ada',
      password: 'secret',
      database: 'registry',
      ssl: 'prefer',
      connection: {},
    },
    display: 'postgresql://ada@db.example:6543/registry',
  });
});

test('passwords are decoded once, may hold what a URL may not, and are never displayed', () => {
  expect(options('postgresql://u:p%40ss%2Fw%25rd@h/d').password).toBe('p@ss/w%rd');
  expect(options('postgresql://u:100%/of?it:a#b+c@h/d')).toMatchObject({
    password: '100%/of?it:a#b+c',
    host: ['h'],
  });
  expect(options('postgresql://us%40er@h/d')).toMatchObject({ user: 'us@er' });
  expect(parseDatabaseUri('postgresql://h/d?user=u&password=secret', {})).toMatchObject({
    options: { password: 'secret' },
    display: 'postgresql://u@h:5432/d',
  });
});

describe('hosts', () => {
  test('several, with an IPv6 address among them', () => {
    const { options: found, display } = parseDatabaseUri(
      'postgresql://h1:1,[::1],h3:3/d?target_session_attrs=read-write',
      {},
    );
    expect(found).toMatchObject({
      host: ['h1', '::1', 'h3'],
      port: [1, 5432, 3],
      target_session_attrs: 'read-write',
    });
    expect(display).toBe('postgresql://h1:1,[::1]:5432,h3:3/d');
  });

  test('in the query, as SQLAlchemy and libpq write them', () => {
    expect(options('postgresql+psycopg2://u@/d?host=h1:1&host=h2:2')).toMatchObject({
      host: ['h1', 'h2'],
      port: [1, 2],
    });
    expect(options('postgresql://u@/d?host=h1,h2&port=7')).toMatchObject({
      host: ['h1', 'h2'],
      port: [7, 7],
    });
    expect(() => options('postgresql://u@/d?host=h1,h2,h3&port=7,8')).toThrow('another number of ports');
  });

  test('a socket', () => {
    expect(parseDatabaseUri('postgresql://u@/d?host=/run/pg&port=6000', {})).toMatchObject({
      options: { path: '/run/pg/.s.PGSQL.6000', ssl: false },
      display: 'postgresql://u@%2Frun%2Fpg/d',
    });
    expect(options('postgresql://u@%2Frun%2Fpg/d').path).toBe('/run/pg/.s.PGSQL.5432');
  });
});

test('options of libpq', () => {
  expect(
    options(
      'postgresql://h/d?application_name=ml&options=-c%20search_path%3Da&connect_timeout=7&keepalives_idle=9',
    ),
  ).toMatchObject({
    connection: { application_name: 'ml', options: '-c search_path=a' },
    connect_timeout: 7,
    keep_alive: 9,
  });
  expect(() => options('postgresql://h/d?connect_timeout=soon')).toThrow('connect_timeout');
  expect(() => options('postgresql://h:99999/d')).toThrow('port');
  expect(() => options('postgresql://h/d?target_session_attrs=fast')).toThrow('target_session_attrs');
});

test('the environment of libpq lies below the URI', () => {
  const env = { PGPASSWORD: 'from-env', PGPORT: '7777', PGSSLMODE: 'require', PGUSER: 'envuser' };
  expect(options('postgresql://u@h/d', env)).toMatchObject({
    password: 'from-env',
    port: [7777],
    ssl: { rejectUnauthorized: false },
  });
  expect(options('postgresql://u:p@h:1/d?sslmode=disable', env)).toMatchObject({
    user: 'u',
    password: 'p',
    port: [1],
    ssl: false,
  });
});

describe('encryption', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'tabularium-')), 'root.crt');
  writeFileSync(file, 'root');

  test('modes', () => {
    expect(options('postgresql://h/d?sslmode=disable').ssl).toBe(false);
    expect(options('postgresql://h/d?sslmode=allow').ssl).toBe('prefer');
    expect(tls('postgresql://h/d?sslmode=require')).toMatchObject({ rejectUnauthorized: false });
    expect(tls(`postgresql://h/d?sslmode=require&sslrootcert=${file}`)).toMatchObject({
      rejectUnauthorized: true,
    });
    expect(tls('postgresql://h/d?sslrootcert=system')).toMatchObject({ rejectUnauthorized: true });
    expect(() => options('postgresql://h/d?sslmode=on')).toThrow('sslmode');
  });

  test('certificates and the host in them', () => {
    const certificate = { subject: { CN: 'db.example' }, subjectaltname: 'DNS:db.example' };
    const check = (uri: string) =>
      (tls(uri).checkServerIdentity as (host: string, c: unknown) => Error | undefined)(
        'localhost',
        certificate,
      );
    expect(
      tls(
        `postgresql://h/d?sslmode=verify-ca&sslrootcert=${file}&sslcert=${file}&sslkey=${file}&sslpassword=x`,
      ),
    ).toMatchObject({
      ca: Buffer.from('root'),
      cert: Buffer.from('root'),
      key: Buffer.from('root'),
      passphrase: 'x',
    });
    expect(check('postgresql://other/d?sslmode=verify-ca')).toBeUndefined();
    expect(check('postgresql://other/d?sslmode=verify-full')).toBeInstanceOf(Error);
    expect(check('postgresql://db.example/d?sslmode=verify-full')).toBeUndefined();
    expect(() => options('postgresql://h/d?sslmode=verify-ca&sslrootcert=/nowhere')).toThrow(
      'The file /nowhere',
    );
  });
});

describe('refused', () => {
  test.each([
    ['sqlite:///mlflow.db', 'A SQLite backend store is not served'],
    ['mysql+pymysql://u:secret@h/d', 'of the kind mysql is not served'],
    ['mssql+pyodbc://u:secret@h/d', 'of the kind mssql is not served'],
    ['./mlruns', 'A file backend store is not served'],
    ['file:///mlruns', 'A file backend store is not served'],
    ['databricks', 'A file backend store is not served'],
    ['postgresql+asyncpg://u:secret@h/d', 'asyncpg'],
    ['postgresql://u:secret@h/d?channel_binding=require', 'channel_binding=require'],
    ['postgresql://u:secret@h/d?sslcrl=x', 'sslcrl=x'],
    ['postgresql://u:secret@h/d?passfile=secret', 'passfile=…'],
    ['postgresql://u:secret@a:b:c/d', 'host'],
  ])('%s', (uri, words) => {
    const attempt = () => options(uri);
    expect(attempt).toThrow(words);
    expect(attempt).not.toThrow('secret');
  });

  test('harmless options pass', () => {
    expect(
      options('postgresql://h/d?channel_binding=prefer&gssencmode=disable&client_encoding=utf8').host,
    ).toEqual(['h']);
  });
});
