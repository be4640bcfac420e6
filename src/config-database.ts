import { readFileSync } from 'node:fs';
import { parse as parseQuery, unescape as percentDecode } from 'node:querystring';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { StartError } from './contract/start-error.ts';
import type { DatabaseOptions } from './db/pool.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** An outside Postgres. `display` is for people: no password in it. */
export interface ExternalDatabase {
  readonly kind: 'external';
  readonly options: DatabaseOptions;
  readonly display: string;
}

/** The keywords of libpq that are understood, with the environment variable that libpq reads for each. */
const keywords = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  application_name: 'PGAPPNAME',
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  keepalives_idle: undefined,
  target_session_attrs: 'PGTARGETSESSIONATTRS',
} as const;

type Keyword = keyof typeof keywords;
type Keywords = Readonly<Partial<Record<Keyword, string>>>;

/** Keywords without a counterpart here; the values listed ask for nothing that would be lost. */
const harmless: Readonly<Record<string, RegExp>> = {
  channel_binding: /^(disable|prefer)$/,
  gssencmode: /^(disable|prefer)$/,
  client_encoding: /^(auto|utf-?8)$/i,
  keepalives: /^[01]$/,
  keepalives_interval: /^\d+$/,
  keepalives_count: /^\d+$/,
};

// As SQLAlchemy reads it: the password ends at the first `@` and may hold `/`, `?` and `:`. The hosts may be
// several, as libpq takes them.
const shape =
  /^(?<scheme>[\w.]+)(?:\+(?<driver>\w+))?:\/\/(?:(?<user>[^:/@]*)(?::(?<password>[^@]*))?@)?(?<hosts>[^/?]*)(?:\/(?<dbname>[^?]*))?(?:\?(?<query>.*))?$/;

/**
 * Reads a database URI as MLflow's users write it, with the environment of libpq below it. No message repeats the
 * URI, because it may hold a password.
 */
export function parseDatabaseUri(uri: string, env: Environment): ExternalDatabase {
  const { scheme, driver, user, password, hosts, dbname, query } = shape.exec(uri)?.groups ?? {};
  if (scheme !== 'postgresql' && scheme !== 'postgres') throw notPostgres(uri);
  if (driver !== undefined && driver !== 'psycopg2' && driver !== 'psycopg') {
    throw new StartError(`The database driver ${driver} is not known: write the URI as postgresql://… .`);
  }

  const fromUri: Partial<Record<Keyword, string>> = {
    ...hostsOf(hosts ?? ''),
    ...(user && { user: percentDecode(user) }),
    ...(password && { password: percentDecode(password) }),
    ...(dbname && { dbname: percentDecode(dbname) }),
    ...queryOf(query ?? ''),
  };
  const fromEnvironment = Object.fromEntries(
    Object.entries(keywords).flatMap(([keyword, name]) => (name && env[name] ? [[keyword, env[name]]] : [])),
  );
  return externalDatabase({ ...fromEnvironment, ...fromUri });
}

function notPostgres(uri: string): StartError {
  const scheme = /^([a-z]+)[\w+]*:/i.exec(uri)?.[1]?.toLowerCase();
  const what =
    scheme === 'sqlite'
      ? 'A SQLite backend store'
      : scheme === undefined || scheme === 'file'
        ? 'A file backend store'
        : `A backend store of the kind ${scheme}`;
  return new StartError(
    `${what} is not served: leave --backend-store-uri out to use the built-in Postgres, or give a postgresql:// URI.`,
  );
}

/** `h1:5432,[::1]` → hosts and ports as libpq's comma-separated lists, an unnamed port left empty. */
function hostsOf(text: string): Keywords {
  if (text === '') return {};
  const parts = text.split(',').map((part) => /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(part));
  if (parts.includes(null)) throw new StartError('The host of the database URI cannot be read.');
  const ports = parts.map((part) => part?.[2] ?? '');
  return {
    host: parts.map((part) => percentDecode(part?.[1] ?? '').replace(/^\[(.*)\]$/, '$1')).join(','),
    ...(ports.some((port) => port !== '') && { port: ports.join(',') }),
  };
}

/** The query of the URI; SQLAlchemy repeats `host=name:port` for several hosts. */
function queryOf(text: string): Keywords {
  const known: Partial<Record<Keyword, string>> = {};
  for (const [name, value] of Object.entries(parseQuery(text))) {
    const values = [value ?? ''].flat();
    if (name === 'host' && !values.some((host) => host.startsWith('/'))) {
      Object.assign(known, hostsOf(values.join(',')));
    } else if (Object.hasOwn(keywords, name)) {
      known[name as Keyword] = values.join(',');
    } else if (!harmless[name]?.test(values.join(','))) {
      throw new StartError(
        `The option ${name}=${name.includes('pass') ? '…' : values.join(',')} of the database URI cannot be honoured; these can: ${Object.keys(keywords).join(', ')}.`,
      );
    }
  }
  return known;
}

function externalDatabase(given: Keywords): ExternalDatabase {
  // libpq without a host looks for the socket where Debian and Red Hat put it.
  const host = given.host || (process.platform === 'linux' ? '/var/run/postgresql' : 'localhost');
  const socket = host.startsWith('/');
  const hosts = socket ? [host] : host.split(',');
  const ports = portsOf(given.port ?? '', hosts.length);
  const connection = {
    ...(given.application_name && { application_name: given.application_name }),
    ...(given.options && { options: given.options }),
  };
  return {
    kind: 'external',
    options: {
      // Lists, though the types of postgres.js know one host only: it would cut a single text at the colons of `::1`.
      ...(socket
        ? { path: `${host}/.s.PGSQL.${ports[0]}` }
        : { host: hosts as unknown as string, port: ports as unknown as number }),
      ...(given.user && { user: given.user }),
      ...(given.password && { password: given.password }),
      ...(given.dbname && { database: given.dbname }),
      ...(given.connect_timeout && { connect_timeout: seconds('connect_timeout', given.connect_timeout) }),
      ...(given.keepalives_idle && { keep_alive: seconds('keepalives_idle', given.keepalives_idle) }),
      ...targetOf(given.target_session_attrs),
      ssl: socket ? false : encryptionOf(given, hosts),
      connection,
    },
    display: `postgresql://${given.user ? `${encodeURIComponent(given.user)}@` : ''}${
      socket
        ? encodeURIComponent(host)
        : hosts.map((name, i) => `${name.includes(':') ? `[${name}]` : name}:${ports[i]}`).join(',')
    }/${given.dbname ?? ''}`,
  };
}

/** One port per host; a single one counts for all, as in libpq. */
function portsOf(text: string, hosts: number): number[] {
  const given = text.split(',');
  if (given.length !== 1 && given.length !== hosts) {
    throw new StartError('The database URI names another number of ports than of hosts.');
  }
  return Array.from({ length: hosts }, (_, i) => {
    const port = Number((given.length === 1 ? given[0] : given[i]) || 5432);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new StartError('The port of the database URI must be a number from 1 to 65535.');
    }
    return port;
  });
}

function seconds(keyword: string, text: string): number {
  if (!/^\d+$/.test(text))
    throw new StartError(`The option ${keyword} of the database URI must be a whole number of seconds.`);
  return Number(text);
}

const targets = ['read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

function targetOf(text: string | undefined): Pick<DatabaseOptions, 'target_session_attrs'> {
  if (text === undefined || text === 'any') return {};
  const target = targets.find((name) => name === text);
  if (!target)
    throw new StartError(
      `The option target_session_attrs of the database URI must be any, ${targets.join(', ')}.`,
    );
  return { target_session_attrs: target };
}

/** libpq's modes; its default is `prefer`: encrypted where the server can, and not verified. */
function encryptionOf(given: Keywords, hosts: readonly string[]): NonNullable<DatabaseOptions['ssl']> {
  const { sslmode: mode = given.sslrootcert === 'system' ? 'verify-full' : 'prefer' } = given;
  if (mode === 'disable') return false;
  if (mode === 'allow' || mode === 'prefer') return 'prefer';
  if (mode !== 'require' && mode !== 'verify-ca' && mode !== 'verify-full') {
    throw new StartError(
      'The option sslmode of the database URI must be disable, allow, prefer, require, verify-ca or verify-full.',
    );
  }
  const verifyHost = mode === 'verify-full';
  const options: ConnectionOptions = {
    // As libpq: `require` together with a root certificate verifies like `verify-ca`.
    rejectUnauthorized: mode !== 'require' || given.sslrootcert !== undefined,
    // An address is not sent as a server name, and Node then compares the certificate with `localhost`.
    checkServerIdentity: (name, certificate) =>
      verifyHost
        ? checkServerIdentity(hosts.length === 1 ? (hosts[0] ?? name) : name, certificate)
        : undefined,
    ...(given.sslrootcert &&
      given.sslrootcert !== 'system' && { ca: certificateFile('sslrootcert', given.sslrootcert) }),
    ...(given.sslcert && { cert: certificateFile('sslcert', given.sslcert) }),
    ...(given.sslkey && { key: certificateFile('sslkey', given.sslkey) }),
    ...(given.sslpassword && { passphrase: given.sslpassword }),
  };
  return options;
}

function certificateFile(keyword: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new StartError(`The file ${path} that ${keyword} of the database URI names cannot be read.`, {
      cause,
    });
  }
}
