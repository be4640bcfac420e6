import { Command, CommanderError, Option } from 'commander';
import { StartError } from './contract/start-error.ts';

/**
 * The options of `tabularium server`: every flag of `mlflow server` 3.17.2 with its environment variable
 * (`mlflow/cli/__init__.py`, `mlflow/utils/cli_args.py`), and `--data-dir` and those of the web UI, which are ours.
 */
const serverOptions = {
  Storage: [
    [
      '--backend-store-uri <uri>',
      'MLFLOW_BACKEND_STORE_URI',
      'Postgres to keep everything in: postgresql://user:password@host/database. Without it a Postgres of its own is started under --data-dir',
    ],
    [
      '--data-dir <folder>',
      undefined,
      'where the Postgres of its own and the artifacts lie (default: $XDG_DATA_HOME/tabularium or ~/.local/share/tabularium)',
    ],
    [
      '--default-artifact-root <uri>',
      'MLFLOW_DEFAULT_ARTIFACT_ROOT',
      'where the artifacts of new experiments go (default: mlflow-artifacts:/, which is this server, or ./mlruns with --no-serve-artifacts)',
    ],
    ['--serve-artifacts', 'MLFLOW_SERVE_ARTIFACTS', 'pass artifacts through this server (default)'],
    ['--no-serve-artifacts', undefined, 'leave artifacts to the clients'],
    [
      '--artifacts-destination <uri>',
      'MLFLOW_ARTIFACTS_DESTINATION',
      'what is behind mlflow-artifacts:/, a folder or s3://bucket/prefix (default: artifacts in --data-dir, or ./mlartifacts with --backend-store-uri)',
    ],
    [
      '--allowed-source-roots <uris>',
      undefined,
      'further folders and s3://bucket/prefix that versions may be read from, comma-separated',
    ],
    ['--strict-sources', undefined, 'refuse sources and locations that lie below none of these roots'],
    ['--artifacts-only', 'MLFLOW_ARTIFACTS_ONLY', 'serve nothing but artifacts'],
    ['--registry-store-uri <uri>', 'MLFLOW_REGISTRY_STORE_URI', 'must be the same as --backend-store-uri'],
  ],
  Network: [
    ['-h, --host <host>', 'MLFLOW_HOST', 'address to listen on (default: 127.0.0.1)'],
    ['-p, --port <port>', 'MLFLOW_PORT', 'port to listen on (default: 5000)'],
    ['-w, --workers <number>', 'MLFLOW_WORKERS', 'number of processes (default: 1)'],
    ['--static-prefix <path>', 'MLFLOW_STATIC_PREFIX', 'path that all routes begin with, as in /mlflow'],
    [
      '--uvicorn-opts <options>',
      'MLFLOW_UVICORN_OPTS',
      'of these work: --ssl-certfile, --ssl-keyfile, --ssl-keyfile-password, --ssl-ca-certs, --ssl-cert-reqs, --ssl-ciphers, --root-path, --timeout-keep-alive',
    ],
    [
      '--expose-prometheus <folder>',
      'MLFLOW_EXPOSE_PROMETHEUS',
      'answer /metrics (the folder itself is not needed)',
    ],
  ],
  'Web UI': [
    ['--ui', undefined, "serve MLflow's web UI; the first start fetches it from the package index (default)"],
    ['--no-ui', undefined, 'serve the API alone'],
    [
      '--ui-wheel <file>',
      undefined,
      'take the UI from this wheel of mlflow, where there is no package index to reach',
    ],
  ],
  Security: [
    [
      '--allowed-hosts <patterns>',
      'MLFLOW_SERVER_ALLOWED_HOSTS',
      'Host headers to accept, comma-separated, with * as wildcard (default: localhost and private addresses)',
    ],
    [
      '--cors-allowed-origins <origins>',
      'MLFLOW_SERVER_CORS_ALLOWED_ORIGINS',
      'web origins to accept besides those of localhost, comma-separated',
    ],
    [
      '--x-frame-options <value>',
      'MLFLOW_SERVER_X_FRAME_OPTIONS',
      'SAMEORIGIN (default), DENY, or NONE for no such header',
    ],
    [
      '--disable-security-middleware',
      'MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE',
      'DANGEROUS: check neither Host nor Origin',
    ],
  ],
  'Taken from mlflow server, without effect here': [
    ['--gunicorn-opts <options>', 'MLFLOW_GUNICORN_OPTS', ''],
    ['--waitress-opts <options>', undefined, ''],
    ['--dev', undefined, ''],
    ['--read-replica-backend-store-uri <uri>', 'MLFLOW_READ_REPLICA_BACKEND_STORE_URI', ''],
    ['--trace-archival-config <file>', 'MLFLOW_TRACE_ARCHIVAL_CONFIG', ''],
    ['--secrets-cache-ttl <seconds>', undefined, ''],
    ['--secrets-cache-max-size <entries>', undefined, ''],
    ['--workspace-store-uri <uri>', 'MLFLOW_WORKSPACE_STORE_URI', ''],
    ['--disable-workspaces', undefined, ''],
  ],
  'Refused, because leaving them out would weaken the server': [
    ['--app-name <name>', undefined, ''],
    ['--enable-workspaces', 'MLFLOW_ENABLE_WORKSPACES', ''],
  ],
} as const satisfies OptionGroups;

/** By the heading of each group: the flags, the environment variable, what it does. */
type OptionGroups = Readonly<Record<string, readonly (readonly [string, string | undefined, string])[]>>;

/** The options of `tabularium gc`: those of `mlflow gc` 3.17.2, and what says where the server keeps its things. */
const gcOptions = {
  'What goes': [
    ['--older-than <age>', undefined, 'only what was deleted so long ago, as in 30d or 2d8h5m20s'],
    ['--run-ids <ids>', undefined, 'only these deleted runs, comma-separated'],
    ['--experiment-ids <ids>', undefined, 'only these deleted experiments, with all that is in them'],
    ['--logged-model-ids <ids>', undefined, 'only these deleted logged models'],
    ['--dry-run', undefined, 'say what would go, and delete nothing'],
  ],
  Storage: [
    ['--backend-store-uri <uri>', 'MLFLOW_BACKEND_STORE_URI', 'as for the server'],
    ['--data-dir <folder>', undefined, 'as for the server'],
    ['--default-artifact-root <uri>', 'MLFLOW_DEFAULT_ARTIFACT_ROOT', 'as for the server'],
    ['--artifacts-destination <uri>', 'MLFLOW_ARTIFACTS_DESTINATION', 'as for the server'],
  ],
  'Taken from mlflow gc, without effect here': [
    ['--tracking-uri <uri>', undefined, ''],
    ['--jobs', undefined, ''],
    ['--job-ids <ids>', undefined, ''],
  ],
  'Refused, because workspaces are not served': [
    ['--workspace <name>', undefined, ''],
    ['--all-workspaces', undefined, ''],
  ],
} as const satisfies OptionGroups;

/** The options of `tabularium verify-signature`. */
const signatureOptions = {
  'Whose signature is believed (one of the two)': [
    ['--public-key <file>', undefined, 'the PEM file of the public key that it was made with'],
    [
      '--certificate-chain <file>',
      undefined,
      "the PEM file of the certificates that lead from the signer's to a root, with the root",
    ],
  ],
  'Storage, for a registered version': gcOptions.Storage,
} as const satisfies OptionGroups;

/** The options of `tabularium verify`. */
const verifyOptions = {
  'What is done': [
    ['--pin', undefined, 'copy what pointers lead to as well, so that it cannot change from now on'],
  ],
  Storage: gcOptions.Storage,
} as const satisfies OptionGroups;

/** The options as given by flag or, failing that, by environment; an empty value counts as none, as in MLflow. */
export type Given = Readonly<Record<string, string | undefined>>;

/** Our database: the one of the URI or, without it, the one in the folder. */
interface DatabaseChoice {
  readonly uri: string | undefined;
  readonly dataDir: string | undefined;
}

export type CommandLine =
  | { readonly command: 'server'; readonly given: Given }
  | { readonly command: 'gc'; readonly given: Given }
  | { readonly command: 'verify-signature'; readonly model: string; readonly given: Given }
  | { readonly command: 'verify'; readonly model: string | undefined; readonly given: Given }
  | {
      readonly command: 'ui install';
      readonly dataDir: string | undefined;
      readonly wheel: string | undefined;
    }
  | ({ readonly command: 'migrate' } & DatabaseChoice)
  | ({ readonly command: 'import'; readonly from: string; readonly dryRun: boolean } & DatabaseChoice)
  | ({ readonly command: 'export'; readonly to: string } & DatabaseChoice)
  | { readonly command: 'text'; readonly text: string; readonly exitCode: number };

/**
 * Reads the command line (without the program's name). `given` is keyed by the long flag without its dashes, as in
 * `backend-store-uri`; `--no-x` appears as `x: 'false'`. What cannot be read throws a StartError.
 */
export function parseCommandLine(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  version: string,
): CommandLine {
  let text = '';
  let result: CommandLine | undefined;
  const program = new Command('tabularium')
    .description('A model registry that MLflow clients speak to unchanged.')
    .version(version, '--version', 'print the version')
    .helpOption('--help', 'show this text')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (part) => {
        text += part;
      },
      writeErr: () => {},
      getOutHelpWidth: () => 100,
      getOutHasColors: () => false,
    });

  const server = program
    .command('server')
    .description('Start the server; it takes the flags and environment variables of `mlflow server`.')
    .action((options: Record<string, string | boolean>) => {
      result = { command: 'server', given: merge(serverOptions, options, env) };
    });
  addOptions(server, serverOptions);
  const gc = program
    .command('gc')
    .description(
      'Delete for good what was deleted: runs, experiments and logged models, with their artifacts; servers may run.',
    )
    .action((options: Record<string, string | boolean>) => {
      result = { command: 'gc', given: merge(gcOptions, options, env) };
    });
  addOptions(gc, gcOptions);
  const signature = program
    .command('verify-signature')
    .description(
      `Check the OpenSSF Model Signing signature (model.sig) that lies beside a model's files; servers may run.`,
    )
    .argument('<model>', 'models:/name/version, or a folder')
    .action((model: string, options: Record<string, string | boolean>) => {
      result = { command: 'verify-signature', model, given: merge(signatureOptions, options, env) };
    });
  addOptions(signature, signatureOptions);
  const verify = program
    .command('verify')
    .description(
      'Read what registered versions serve, and compare it with what was registered; servers may run.',
    )
    .argument('[model]', 'a model, or one of its versions as in name/3; without it, all')
    .action((model: string | undefined, options: Record<string, string | boolean>) => {
      result = { command: 'verify', model, given: merge(verifyOptions, options, env) };
    });
  addOptions(verify, verifyOptions);

  program
    .command('migrate')
    .description('Bring the database to the state that this version needs, and end.')
    .argument('[uri]', 'the Postgres; without it the one under --data-dir [MLFLOW_BACKEND_STORE_URI]')
    .option('--data-dir <folder>', 'where the Postgres of its own lies, if no URI is given')
    .action((uri: string | undefined, options: { dataDir?: string }) => {
      result = {
        command: 'migrate',
        uri: uri ?? (env.MLFLOW_BACKEND_STORE_URI || undefined),
        dataDir: options.dataDir,
      };
    });
  /** The same two options on both, as `server` has them. */
  const chosen = ({ backendStoreUri, dataDir }: { backendStoreUri?: string; dataDir?: string }) => ({
    uri: (backendStoreUri ?? env.MLFLOW_BACKEND_STORE_URI) || undefined,
    dataDir,
  });
  const [backendStoreUri, dataDir] = serverOptions.Storage;
  program
    .command('import')
    .description(
      'Copy an MLflow database, or the file of an export, into this one; again goes on where it was.',
    )
    .requiredOption(
      '--from <source>',
      'postgresql://… or sqlite:///… of an MLflow 2.22 to 3.17, or a file that export wrote',
    )
    .option('--dry-run', 'count what would be copied, and write nothing')
    .option(backendStoreUri[0], `${backendStoreUri[2]} [${backendStoreUri[1]}]`)
    .option(dataDir[0], dataDir[2])
    .action((options: { from: string; dryRun?: true; backendStoreUri?: string; dataDir?: string }) => {
      const { from, dryRun = false } = options;
      result = { command: 'import', from, dryRun, ...chosen(options) };
    });
  program
    .command('export')
    .description('Write all that import copies to a file of JSON Lines.')
    .option('--to <file>', 'the file, zipped where its name ends in .gz; - is standard output', '-')
    .option(backendStoreUri[0], `${backendStoreUri[2]} [${backendStoreUri[1]}]`)
    .option(dataDir[0], dataDir[2])
    .action((options: { to: string; backendStoreUri?: string; dataDir?: string }) => {
      result = { command: 'export', to: options.to, ...chosen(options) };
    });
  const db = program
    .command('db')
    .description('`db upgrade <uri>` is migrate by the name that MLflow gives it.');
  db.command('upgrade')
    .argument('<uri>', 'the Postgres')
    .action((uri: string) => {
      result = { command: 'migrate', uri, dataDir: undefined };
    });
  const [, , uiWheel] = serverOptions['Web UI'];
  const ui = program
    .command('ui')
    .description("`ui install` fetches MLflow's web UI now, which the first start would do.");
  ui.command('install')
    .option(uiWheel[0], uiWheel[2])
    .option(dataDir[0], dataDir[2])
    .action(({ uiWheel: wheel, dataDir }: { uiWheel?: string; dataDir?: string }) => {
      result = { command: 'ui install', wheel, dataDir };
    });
  // Subcommands made by `command()` inherit the settings made above; the help flag is theirs to set.
  for (const command of [...program.commands, ...db.commands, ...ui.commands])
    command.helpOption('--help', 'show this text');

  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: 'text', text, exitCode: 0 };
    if (error.code === 'commander.help')
      return { command: 'text', text: program.helpInformation(), exitCode: 2 };
    throw new StartError(sentence(error));
  }
  if (!result) throw new Error('a command without an action');
  return result;
}

/**
 * Commander writes `error: unknown option '--x'`, with a guess on a second line. Whatever it repeats of the values is
 * left out, because it may be a URI with a password.
 */
function sentence(error: CommanderError): string {
  if (error.code === 'commander.excessArguments')
    return 'Only options may follow the command; see tabularium --help.';
  const [what = '', guess] = error.message
    .replace(/^error: /, '')
    .replace(/=.*'/, "'")
    .split('\n');
  return `${what.charAt(0).toUpperCase()}${what.slice(1)}${guess ? ` ${guess}` : ''}; see tabularium --help.`;
}

function addOptions(command: Command, groups: OptionGroups): void {
  for (const [group, options] of Object.entries(groups)) {
    for (const [flags, variable, description] of options) {
      const text = [description, variable && `[${variable}]`].filter(Boolean).join(' ');
      command.addOption(new Option(flags, text).helpGroup(`${group}:`));
    }
  }
}

function merge(
  groups: OptionGroups,
  flags: Readonly<Record<string, string | boolean>>,
  env: Readonly<Record<string, string | undefined>>,
): Given {
  const given: Record<string, string | undefined> = {};
  for (const [flagsText, variable] of Object.values(groups).flat()) {
    const name = /--([\w-]+)/.exec(flagsText)?.[1] ?? '';
    if (name.startsWith('no-')) continue;
    const flag = flags[name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    given[name] = (flag === undefined ? variable && env[variable] : String(flag)) || undefined;
  }
  return given;
}
