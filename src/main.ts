import cluster from 'node:cluster';
import pino from 'pino';
import { type Command, parseCommand } from './config.ts';
import { StartError } from './contract/start-error.ts';
import { runMigrate, runPrimary, runServer, runWorker } from './server.ts';
import { spanIds } from './telemetry.ts';

/** Does what the command line says. What only a command needs is loaded for it: a server keeps what it has loaded. */
async function run(command: Command): Promise<void> {
  if (command.kind === 'text') {
    process.stdout.write(`${command.text.trimEnd()}\n`);
    process.exitCode = command.exitCode;
    return;
  }
  if (command.kind === 'migrate') return runMigrate(command.database, logger(command.logLevel));
  if (command.kind === 'gc') {
    const log = logger(command.logLevel);
    for (const warning of command.warnings) log.warn(warning);
    const { runGc } = await import('./gc.ts');
    return runGc(command.config, log);
  }
  if (command.kind === 'import' || command.kind === 'export') {
    const { runImport, runExport } = await import('./transfer-commands.ts');
    const log = logger(command.logLevel);
    return command.kind === 'import' ? runImport(command, log) : runExport(command, log);
  }
  if (command.kind === 'verify') {
    const { runVerify } = await import('./verify-command.ts');
    return runVerify(command, logger(command.logLevel));
  }
  if (command.kind === 'verify-signature') {
    const { runVerifySignature } = await import('./signature-command.ts');
    return runVerifySignature(command.signed, command.trust, logger(command.logLevel));
  }
  if (command.kind === 'ui install') {
    const { runUiInstall } = await import('./server-ui.ts');
    return runUiInstall(command.place);
  }
  const { config } = command;
  const log = logger(config.logLevel, config.telemetry ? spanIds : undefined);
  if (cluster.isWorker) return runWorker(config, log);
  for (const warning of command.warnings) log.warn(warning);
  return config.workers > 1 ? runPrimary(config, log) : runServer(config, log);
}

/** Logs go to standard error, one JSON object a line; standard output has what a person reads. */
const logger = (level: string, mixin?: () => object) =>
  pino({ level, base: undefined, mixin }, pino.destination({ fd: 2, sync: true }));

/** Ends the process with one sentence for a person, or, where that is a bug, with its stack. */
function fail(error: unknown, exitCode: number): never {
  const text = error instanceof StartError ? `tabularium: ${error.message}` : (error as Error)?.stack;
  process.stderr.write(`${text}\n`);
  process.exit(exitCode);
}

/** As `mlflow server` exits for a command line that it cannot read. */
const wrongUsage = 2;

try {
  const command = parseCommand(process.argv.slice(2));
  run(command).catch((error: unknown) => fail(error, 1));
} catch (error) {
  fail(error, wrongUsage);
}
