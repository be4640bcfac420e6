import cluster from 'node:cluster';
import pino from 'pino';
import { parseCommand } from './config.ts';
import { StartError } from './contract/start-error.ts';
import { runMigrate, runPrimary, runServer, runWorker } from './server.ts';

/** Reads the command line and does what it says. Prints one sentence, without a stack, where that cannot start. */
async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2));
  if (command.kind === 'text') {
    process.stdout.write(`${command.text}\n`);
    process.exitCode = command.exitCode;
    return;
  }
  if (command.kind === 'migrate') return runMigrate(command.database, logger(command.logLevel));
  const { config } = command;
  const log = logger(config.logLevel);
  if (cluster.isWorker) return runWorker(config, log);
  for (const warning of command.warnings) log.warn(warning);
  return config.workers > 1 ? runPrimary(config, log) : runServer(config, log);
}

/** Logs go to standard error, one JSON object a line; standard output has what a person reads. */
const logger = (level: string) => pino({ level, base: undefined }, pino.destination({ fd: 2, sync: true }));

main().catch((error: unknown) => {
  process.stderr.write(error instanceof StartError ? `tabularium: ${error.message}\n` : `${(error as Error)?.stack}\n`);
  process.exit(1);
});
